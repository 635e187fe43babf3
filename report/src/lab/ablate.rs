//! Report of `ablate`.

use llamaglass_lab::experiments::ablate::{AblateData, AblationEffect};

use super::estimate;
use super::part::{Item, Part};
use super::sheet::{Sheet, row};
use crate::plot::{BarSeries, Bars};
use crate::{Figure, number};

/// Builds the report of the result.
pub fn part(data: &AblateData) -> Part {
    let settings = &data.ablate;
    let changes = data.switches.iter();
    let changes = changes.map(|of| format!("{}: {}", of.switch.title(), of.changes));
    let remarks = data
        .switches
        .iter()
        .flat_map(|of| estimate::remarks(of.switch.title(), "ms/request", &of.whole_ms));
    let costs = costs(data);
    let pad_to = settings
        .pad_to
        .map(|positions| format!("{} positions", number(positions as f64)));
    Part {
        facts: vec![
            ("Prompts, ids", number(settings.prompt_tokens as f64)),
            ("Answers, tokens", number(settings.gen_tokens as f64)),
            ("Pairs of each switch", number(settings.repeats as f64)),
            ("Seed of the prompts", settings.seed.to_string()),
            ("Log lines of each step", number(settings.log_lines.into())),
            (
                "Prompts padded to",
                pad_to.unwrap_or_else(|| "all of the context".into()),
            ),
        ],
        items: vec![
            Item::Figures(vec![figure(data)]),
            Item::Table(costs.clone()),
            Item::List(changes.collect()),
            Item::List(remarks.collect()),
            Item::Table(left_out(data)),
        ],
        files: vec![("ablate", costs)],
    }
}

fn figure(data: &AblateData) -> Figure {
    let bar = |of: &AblationEffect| Some(estimate::bar(&of.whole_ms));
    let drawing = Bars {
        title: "Extra time per request".into(),
        x: "ms/request".into(),
        unit: "ms".into(),
        categories: data
            .switches
            .iter()
            .map(|of| of.switch.title().to_owned())
            .collect(),
        series: vec![BarSeries::new(
            "longer",
            data.switches.iter().map(bar).collect(),
        )],
        stacked: false,
    };
    let caption = "Medians of pairs with 95 % intervals. If an interval contains 0, no difference was measured.";
    Figure::new(drawing, caption)
}

fn costs(data: &AblateData) -> Sheet {
    let columns = ["switch | time of", estimate::DIFFERENCE, "same answers"];
    let rows = data.switches.iter().flat_map(|of| {
        let times = [
            ("a request", Some(&of.whole_ms)),
            ("the first token", Some(&of.per_request_ms)),
            ("each further token", of.per_token_ms.as_ref()),
        ];
        times.into_iter().map(|(time, difference)| {
            let mut row = row![of.switch.title(), time];
            row.extend(estimate::difference(difference));
            row.extend(row![of.same_answers]);
            row
        })
    });
    Sheet::new("Switches", &columns).with(rows)
}

fn left_out(data: &AblateData) -> Sheet {
    let rows = data.left_out.iter();
    let rows = rows.map(|(switch, why)| row![switch.title(), why.clone()]);
    Sheet::new("Not measured here", &["switch", "why"]).with(rows)
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::experiments::ablate::{AblateSettings, Switch, Timed};
    use llamaglass_lab::{Data, Difference};

    use super::*;
    use crate::lab::fixture::{HOSTILE, Rendered, assert_contains};

    fn timed(ttft_ms: f64, rest_ms: f64, ids: &[u32]) -> Timed {
        let ids = ids.to_vec();
        Timed {
            ttft_ms,
            rest_ms,
            ids,
        }
    }

    fn data(switches: Vec<AblationEffect>) -> Data {
        let settings = AblateSettings {
            prompt_tokens: 128,
            gen_tokens: 3,
            repeats: 4,
            seed: 11,
            log_lines: 20,
            pad_to: Some(1024),
        };
        Data::Ablate(AblateData::of(
            settings,
            switches,
            vec![(Switch::Overlay, HOSTILE.into())],
        ))
    }

    fn effect(switch: Switch, with: &Timed) -> AblationEffect {
        let pair = [timed(100.0, 20.0, &[1, 2, 3]), with.clone()];
        let pairs = vec![pair; 4];
        AblationEffect::of(switch, HOSTILE.into(), &pairs).expect("pairs")
    }

    #[test]
    fn ablate_report_shows_cost_of_each_switch() {
        let shown = Rendered::of(data(vec![
            effect(Switch::Worker, &timed(100.0, 20.0, &[1, 2, 3])),
            effect(Switch::PadToMax, &timed(385.0, 30.0, &[1, 2, 4])),
        ]));
        shown.has_row("Prompts padded to the longest | a request | 120 | 415 | 295 | 295 | 295 | 246 | slower | no");
        shown.has_row("Prompts padded to the longest | each further token | 10 | 15 | 5 | 5 | 5 | 50 | slower | no");
        shown.has_row("Requests from another thread | a request | 120 | 120 | 0 | 0 | 0 | 0 | no difference measured | yes");
        assert_contains(
            &shown.page,
            "Requests from another thread: no difference measured.",
        );
        assert_contains(&shown.page, "<th scope=\"row\">Timing overlay shown</th>");
        let file = shown.csv("ablate.csv");
        assert!(file.contains("\r\nPrompts padded to the longest,the first token,100,385,285,285,285,285,slower,no\r\n"), "{file}");
    }

    #[test]
    fn ablate_report_accepts_missing_token_times_and_no_switches() {
        let mut one = effect(Switch::Batch, &timed(101.0, 20.0, &[1, 2, 3]));
        one.per_token_ms = Difference::of(&[]);
        Rendered::of(data(vec![one]));
        assert!(Rendered::of(data(Vec::new())).files.is_empty());
    }
}
