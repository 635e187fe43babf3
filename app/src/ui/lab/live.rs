//! A running experiment: its progress, its live plot, and a button to cancel it.

use leptos::prelude::*;
use llamaglass_lab::digits;

use super::super::meter::{Meter, percent};
use crate::lab::{Plot, PlotRanges, Series};
use crate::state::{self, app};

/// Number of series with a colour of their own.
const COLOURS: usize = 6;

/// Progress, plot, and a button to cancel.
#[component]
pub fn Live() -> impl IntoView {
    let app = app();
    let running = app.lab.running;
    let stopping = move || running.get().is_some_and(|running| running.stopping);
    let share = move || {
        let progress = app.lab.progress.get();
        percent(progress.done, progress.total)
    };
    // Screen readers announce this, so it changes with each measurement, not with every point.
    let what = Memo::new(move |_| match stopping() {
        true => "Stopping after the current step".to_owned(),
        false => match app.lab.progress.get().what.as_str() {
            "" => "Starting".to_owned(),
            what => format!("Measuring: {what}"),
        },
    });
    view! {
        <div class="lab-live" data-testid="lab-live">
            <p class="numbers" role="status" aria-live="polite" data-testid="lab-progress">{what}</p>
            <Meter label="The experiment" percent=share/>
            <LivePlot/>
            <button class="secondary" data-testid="lab-cancel" disabled=stopping
                on:click=move |_| state::cancel_lab(app)
            >
                "Cancel"
            </button>
        </div>
    }
}

#[component]
fn LivePlot() -> impl IntoView {
    let app = app();
    let shown = move || app.lab.plot.with(|plot| !plot.is_empty());
    let series = move || app.lab.plot.with(Plot::series).into_iter().enumerate();
    let axes = move || {
        let zero = app.lab.plot.with(Plot::zero);
        format!("M0 0V100M0 {zero:.2}H100")
    };
    let caption = move || {
        let PlotRanges {
            left,
            right,
            low,
            high,
        } = app.lab.plot.with(Plot::ranges);
        let [left, right, low, high] = [left, right, low, high].map(digits);
        format!("Measured so far: {low} to {high} ms (vertical), {left} to {right} (horizontal)")
    };
    view! {
        <Show when=shown>
            <figure class="lab-plot" data-testid="lab-plot">
                <figcaption class="help">{caption}</figcaption>
                <svg viewBox="-2 -2 104 104" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                    <path class="lab-axis" d=axes vector-effect="non-scaling-stroke"/>
                    {move || series().map(|(index, series)| points(index, series)).collect_view()}
                </svg>
                <ul class="lab-legend">
                    {move || series().map(|(index, series)| view! {
                        <li><span class=colour(index) aria-hidden="true"></span>{series.name}</li>
                    }).collect_view()}
                </ul>
            </figure>
        </Show>
    }
}

fn colour(index: usize) -> String {
    format!("lab-series lab-series-{}", index % COLOURS)
}

/// Draws each dot as a line of length 0 with round ends, so that it stays round however the picture is stretched.
fn points(index: usize, series: Series) -> impl IntoView {
    let dot = |(x, y): &(f64, f64)| format!("M{x:.2} {y:.2}h0");
    let dots: String = series.points.iter().map(dot).collect();
    view! { <path class=colour(index) d=dots vector-effect="non-scaling-stroke"/> }
}
