//! One field of the settings, checked as it is typed.

use leptos::prelude::*;

use crate::settings::Field;
use crate::state::app;

/// A labelled field with its help, or with the reason if the text is invalid.
#[component]
pub fn SettingsField(field: Field, generation: RwSignal<u32>) -> impl IntoView {
    let app = app();
    let typed = RwSignal::new(String::new());
    let error = RwSignal::new(None::<String>);
    Effect::new(move || {
        generation.track();
        typed.set(app.settings.with_untracked(|settings| field.show(settings)));
        error.set(None);
    });
    let change = move |text: String| {
        let result = app
            .settings
            .try_update(|settings| field.set(settings, &text));
        typed.set(text);
        match result {
            Some(Err(why)) => error.set(Some(why)),
            _ => {
                error.set(None);
                app.save_settings();
            }
        }
    };
    let id = field.id();
    let help_id = format!("{id}-help");
    let described = help_id.clone();
    let invalid = move || error.with(Option::is_some).to_string();
    let input = if field == Field::Stop {
        view! {
            <textarea id=id data-testid=id rows="2" spellcheck="false" aria-describedby=described
                prop:value=move || typed.get() on:input=move |event| change(event_target_value(&event))
            ></textarea>
        }
        .into_any()
    } else {
        view! {
            <input id=id data-testid=id type="text" inputmode="decimal" autocomplete="off"
                aria-describedby=described aria-invalid=invalid prop:value=move || typed.get()
                on:input=move |event| change(event_target_value(&event))
            />
        }
        .into_any()
    };
    view! {
        <div class="settings-field" class:invalid=move || error.with(Option::is_some)>
            <label for=id>{field.label()}</label>
            {input}
            <p class="help" id=help_id data-testid=format!("{id}-message")>
                {move || error.get().unwrap_or_else(|| field.help().into())}
            </p>
        </div>
    }
}
