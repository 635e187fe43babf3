//! Settings that are chosen from a list.

use leptos::prelude::*;
use llamaglass_lab::experiments::ablate::Switch;
use llamaglass_lab::{Arrivals, Experiment, StubLevel};

use super::stored_settings::{change, read};
use crate::lab::Field;
use crate::state::app;

/// Input for one such setting.
#[component]
pub fn Choices(experiment: Experiment, field: Field) -> impl IntoView {
    let app = app();
    match field {
        Field::Arrivals => {
            let all = [Arrivals::Poisson, Arrivals::Uniform, Arrivals::Constant];
            let now = read(experiment, |of| of.arrivals.name());
            let options = all.map(|of| (of.name(), of.name()));
            let choose = move |name: String| {
                if let Ok(arrivals) = name.parse() {
                    change(app, experiment, |of| of.arrivals = arrivals);
                }
            };
            select(experiment, field, options.to_vec(), now, choose).into_any()
        }
        Field::With => {
            let now = read(experiment, |of| of.with.map_or("", Switch::name));
            let mut options = vec![("", "nothing")];
            let of_engine = Switch::ALL.into_iter();
            let of_engine = of_engine
                .filter(|of| !matches!(of, Switch::Worker | Switch::Batch | Switch::Overlay));
            options.extend(of_engine.map(|of| (of.name(), of.title())));
            let choose = move |name: String| {
                change(app, experiment, |of| of.with = name.parse().ok());
            };
            select(experiment, field, options, now, choose).into_any()
        }
        Field::Switches => {
            let now = read(experiment, |of| of.switches.clone());
            let toggle = move |switch: Switch, on: bool| {
                change(app, experiment, |of| {
                    of.switches = toggled(Switch::ALL, &of.switches, switch, on);
                });
            };
            let all = Switch::ALL.map(|of| CheckBox {
                value: of,
                label: of.title().to_owned(),
                checked: now.contains(&of),
            });
            boxes(experiment, field, all.into(), Switch::name, toggle).into_any()
        }
        Field::Levels => {
            let now = read(experiment, |of| of.levels.clone());
            let toggle = move |level: StubLevel, on: bool| {
                change(app, experiment, |of| {
                    of.levels = toggled(StubLevel::ALL, &of.levels, level, on);
                });
            };
            // Random weights need a load of their own.
            let all = StubLevel::ALL.into_iter();
            let all = all.filter(|of| *of != StubLevel::RandomWeights);
            let all = all.map(|of| CheckBox {
                value: of,
                label: format!("{of}: ends {}", of.place()),
                checked: now.contains(&of),
            });
            let name = |of: StubLevel| of.number();
            view! {
                {boxes(experiment, field, all.collect(), name, toggle)}
                <p class="help lab-wide">
                    "Level 99 (random weights) needs a model loaded that way: choose it in the settings, then run the experiment."
                </p>
            }
            .into_any()
        }
        _ => ().into_any(),
    }
}

fn select(
    experiment: Experiment,
    field: Field,
    options: Vec<(&'static str, &'static str)>,
    now: &'static str,
    choose: impl Fn(String) + 'static,
) -> impl IntoView {
    let id = format!("lab-{experiment}-{}", field.name());
    let options = options.into_iter().map(|(value, label)| {
        view! { <option value=value selected=value == now>{label}</option> }
    });
    view! {
        <div class="settings-field">
            <label for=id.clone()>{field.label()}</label>
            <select id=id.clone() data-testid=id on:change=move |event| choose(event_target_value(&event))>
                {options.collect_view()}
            </select>
        </div>
    }
}

/// Returns those of `all` that are in `now`, with `value` if `on` and without it otherwise.
fn toggled<T: PartialEq, const N: usize>(all: [T; N], now: &[T], value: T, on: bool) -> Vec<T> {
    let has = |each: &T| {
        if *each == value {
            on
        } else {
            now.contains(each)
        }
    };
    all.into_iter().filter(has).collect()
}

/// A check box for one value of a setting.
struct CheckBox<T> {
    value: T,
    label: String,
    checked: bool,
}

fn boxes<T: Copy + 'static, N: std::fmt::Display>(
    experiment: Experiment,
    field: Field,
    all: Vec<CheckBox<T>>,
    name: impl Fn(T) -> N,
    toggle: impl Fn(T, bool) + Copy + 'static,
) -> impl IntoView {
    let each = all.into_iter().map(
        |CheckBox {
             value,
             label,
             checked,
         }| {
            let id = format!("lab-{experiment}-{}-{}", field.name(), name(value));
            let target = id.clone();
            view! {
                <label class="bench-choice" for=target>
                    <input id=id.clone() data-testid=id type="checkbox" checked=checked
                        on:change=move |event| toggle(value, event_target_checked(&event))
                    />
                    {label}
                </label>
            }
        },
    );
    view! {
        <details class="lab-wide">
            <summary>{field.label()}</summary>
            <div class="lab-boxes">{each.collect_view()}</div>
        </details>
    }
}
