//! Inputs for the settings of an experiment.

use leptos::prelude::*;
use llamaglass_lab::Experiment;

use super::choices::Choices;
use super::stored_settings::read;
use crate::lab::{Field, LabSettings, fields};
use crate::state::{self, app};

/// Inputs for the settings that the experiment reads. Sets `valid` to whether all of them are valid.
#[component]
pub fn Fields(experiment: Experiment, valid: RwSignal<bool>) -> impl IntoView {
    let invalid = RwSignal::new(Vec::<Field>::new());
    Effect::new(move || valid.set(invalid.with(Vec::is_empty)));
    let all = fields(experiment).iter().copied();
    let typed = all.clone().filter(|field| is_typed(*field));
    let chosen = all.filter(|field| !is_typed(*field));
    let running = move || app().lab.running.with(Option::is_some);
    view! {
        <fieldset class="lab-fields" disabled=running>
            <legend class="hidden">{format!("Settings of {}", experiment.title())}</legend>
            {typed.map(|field| view! { <Typed experiment field invalid/> }).collect_view()}
            {chosen.map(|field| view! { <Choices experiment field/> }).collect_view()}
        </fieldset>
    }
}

const fn is_typed(field: Field) -> bool {
    !matches!(
        field,
        Field::Arrivals | Field::With | Field::Switches | Field::Levels
    )
}

#[component]
fn Typed(experiment: Experiment, field: Field, invalid: RwSignal<Vec<Field>>) -> impl IntoView {
    let app = app();
    let shown = read(experiment, |of| of.text(field)).unwrap_or_default();
    let error = RwSignal::new(None::<String>);
    let id = format!("lab-{experiment}-{}", field.name());
    let help = format!("{id}-help");
    let label = match (experiment, field) {
        (Experiment::Bare, Field::Tokens) => "Answer tokens (0: same as the reference)",
        (Experiment::Simulate, Field::Tokens) => "Maximum answer tokens",
        _ => field.label(),
    };
    view! {
        <div class="settings-field" class:invalid=move || error.get().is_some()>
            <label for=id.clone()>{label}</label>
            <input id=id.clone() data-testid=id.clone() type="text" inputmode="decimal" autocomplete="off"
                value=shown aria-describedby=help.clone()
                aria-invalid=move || error.get().is_some().to_string()
                on:input=move |event| {
                    let typed = event_target_value(&event);
                    let result = app
                        .lab
                        .settings
                        .try_update(|all| {
                            let of = all.entry(experiment);
                            of.or_insert_with(|| LabSettings::of(experiment))
                                .take(field, &typed, experiment)
                        })
                        .unwrap_or(Ok(()));
                    invalid.update(|invalid| {
                        invalid.retain(|of| *of != field);
                        invalid.extend(result.is_err().then_some(field));
                    });
                    error.set(result.err());
                    state::save_lab_settings(app);
                }
            />
            <p class="help" id=help>{move || error.get()}</p>
        </div>
    }
}
