//! Events that wait to be drawn.

use leptos::leptos_dom::helpers::TimeoutHandle;

use super::draw_pace::DrawPace;
use crate::protocol::Tag;
use crate::stats::ReceivedEvent;

/// Events that wait for the next frame, and the schedule of drawing.
#[derive(Default)]
pub struct FrameQueue {
    /// Events, each with its arrival on the page's clock.
    pub events: Vec<(Tag, ReceivedEvent, f64)>,
    /// State of the next draw.
    pub next_draw: NextDraw,
    /// Cost of the last draw, which delays the next one.
    pub pace: DrawPace,
    /// Time of the last update of the figures on the page's clock.
    pub figures_updated_ms: Option<f64>,
    /// True while an update of the figures is scheduled.
    pub figures_scheduled: bool,
}

/// State of the next draw.
#[derive(Default)]
pub enum NextDraw {
    /// Not requested.
    #[default]
    Idle,
    /// Waits for this timer.
    Delayed(TimeoutHandle),
    /// Comes with the next frame.
    Frame,
}
