//! Tests of settings as they are typed, sent and saved.

use super::*;

#[test]
fn every_field_shows_its_set_value() {
    let mut settings = Settings::default();
    for field in Field::ALL {
        let typed = match field {
            Field::TopP | Field::MinP => "0.5",
            Field::Stop => "\\nUser:\nEND\\\\",
            _ => "2",
        };
        field
            .set(&mut settings, typed)
            .unwrap_or_else(|_| panic!("{}", field.id()));
        assert_eq!(field.show(&settings), typed, "{}", field.id());
    }
    assert_eq!(settings.stop, ["\nUser:", "END\\"]);
}

#[test]
fn invalid_input_is_rejected_and_changes_nothing() {
    let wrong = [
        (Field::Temperature, "-1"),
        (Field::Temperature, "warm"),
        (Field::Temperature, "99"),
        (Field::Temperature, "inf"),
        (Field::TopK, "1.5"),
        (Field::TopP, "0"),
        (Field::MinP, "1.1"),
        (Field::RepetitionPenalty, "0"),
        (Field::Seed, "-1"),
        (Field::MaxTokens, "0"),
        (Field::ContextLength, "many"),
    ];
    for (field, typed) in wrong {
        let mut settings = Settings::default();
        let result = field.set(&mut settings, typed);
        assert!(result.is_err(), "{} {typed}", field.id());
        assert_eq!(settings, Settings::default());
    }
}

#[test]
fn older_settings_still_load() {
    let settings: Settings =
        serde_json::from_str(r#"{"system_prompt":"Be brief."}"#).expect("parses");
    assert_eq!(settings.system_prompt, "Be brief.");
    assert!(settings.overlay);
    let settings: Settings = serde_json::from_str(r#"{"backend":"flex"}"#).expect("parses");
    assert_eq!(settings.backend, BackendChoice::Cpu);
}

#[test]
fn fresh_seed_is_used_when_none_is_set() {
    let mut settings = Settings::default();
    let sampling = settings.request(Vec::new(), 5).sampling;
    assert_eq!((sampling.temperature, sampling.seed), (0.7, 5));
    Field::Seed.set(&mut settings, "42").expect("a seed");
    assert_eq!(settings.request(Vec::new(), 5).sampling.seed, 42);
    Field::Seed.set(&mut settings, "").expect("no seed");
    assert_eq!(settings.request(Vec::new(), 6).sampling.seed, 6);
}

#[test]
fn reset_sampling_keeps_other_settings() {
    let brief = Settings {
        system_prompt: "Be brief.".into(),
        ..Settings::default()
    };
    let mut settings = brief.clone();
    for (field, typed) in [
        (Field::Temperature, "0"),
        (Field::Seed, "1"),
        (Field::MaxTokens, "8"),
        (Field::Stop, "END"),
    ] {
        field.set(&mut settings, typed).expect("it makes sense");
    }
    settings.stop_repetition = false;
    settings.reset_sampling();
    assert_eq!(settings, brief);
}

#[test]
fn blank_system_prompt_is_not_sent() {
    let mut settings = Settings::default();
    let user = Message {
        role: "user".into(),
        content: "hi".into(),
    };
    settings.system_prompt = "  ".into();
    let input = settings.request(vec![user.clone()], 0).input;
    assert_eq!(input, Input::Messages(vec![user.clone()]));
    settings.system_prompt = "Be brief.".into();
    let Input::Messages(messages) = settings.request(vec![user], 0).input else {
        panic!("messages in, messages out");
    };
    assert_eq!(messages[0].role, "system");
}
