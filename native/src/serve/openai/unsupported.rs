//! Known fields that this server does not implement: harmless values are accepted, others refused.
//!
//! Clients send many fields at their defaults, which ask for nothing beyond what the server does anyway.

use serde_json::{Map, Value};

use super::super::api_error::ApiError;

/// A field that the server does not implement, with the values that it accepts nevertheless.
struct Unsupported {
    name: &'static str,
    /// Returns true for a value that asks for nothing more than the server does.
    is_harmless: fn(&Value) -> bool,
    /// The harmless values in words; empty if null is the only one.
    harmless: &'static str,
}

const fn field(
    name: &'static str,
    is_harmless: fn(&Value) -> bool,
    harmless: &'static str,
) -> Unsupported {
    Unsupported {
        name,
        is_harmless,
        harmless,
    }
}

/// Fields of OpenAI's protocol, then those of other servers. Null is harmless for all of them.
const UNSUPPORTED: &[Unsupported] = &[
    field("audio", never, ""),
    field("best_of", is_one, "1"),
    field("echo", is_false, "false"),
    field("functions", is_empty, "[] or with function_call \"none\""),
    field("function_call", is_none, "\"none\""),
    field("logit_bias", has_no_bias, "{} or biases of 0"),
    field("modalities", is_text_only, "[\"text\"]"),
    field("moderation", never, ""),
    field("parallel_tool_calls", Value::is_boolean, "true or false"),
    field("prediction", never, ""),
    // Models here have no reasoning mode, and an answer's length is up to the model.
    field("reasoning_effort", Value::is_string, "a string"),
    field("service_tier", is_default_tier, "\"auto\" or \"default\""),
    field("store", is_false, "false"),
    field("suffix", is_empty, "\"\""),
    field("tools", is_empty, "[] or with tool_choice \"none\""),
    field("tool_choice", is_none, "\"none\""),
    field("verbosity", Value::is_string, "a string"),
    field("web_search_options", never, ""),
    field("add_generation_prompt", is_true, "true"),
    field("allowed_token_ids", never, ""),
    field("bad_words", is_empty, "[]"),
    field("chat_template", never, ""),
    field("chat_template_kwargs", is_empty, "{}"),
    field("continue_final_message", is_false, "false"),
    field("documents", is_empty, "[]"),
    field("guided_choice", never, ""),
    field("guided_grammar", never, ""),
    field("guided_json", never, ""),
    field("guided_regex", never, ""),
    field("include_stop_str_in_output", is_false, "false"),
    field("length_penalty", is_one, "1"),
    field("min_tokens", is_zero, "0"),
    field("prompt_logprobs", never, ""),
    field("skip_special_tokens", is_true, "true"),
    field("stop_token_ids", is_empty, "[]"),
    field("structured_outputs", never, ""),
    field("truncate_prompt_tokens", never, ""),
    field("use_beam_search", is_false, "false"),
];

/// Fields that label a request and change no answer.
const LABELS: [&str; 7] = [
    "cache_salt",
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "request_id",
    "safety_identifier",
    "user",
];

fn never(_: &Value) -> bool {
    false
}

fn is_one(value: &Value) -> bool {
    value.as_f64() == Some(1.0)
}

fn is_zero(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

fn is_true(value: &Value) -> bool {
    value.as_bool() == Some(true)
}

fn is_false(value: &Value) -> bool {
    value.as_bool() == Some(false)
}

fn is_none(value: &Value) -> bool {
    value == "none"
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn is_text_only(value: &Value) -> bool {
    let kinds = value.as_array();
    kinds.is_some_and(|kinds| !kinds.is_empty() && kinds.iter().all(|kind| kind == "text"))
}

fn is_default_tier(value: &Value) -> bool {
    value == "auto" || value == "default"
}

fn has_no_bias(value: &Value) -> bool {
    let biases = value.as_object();
    biases.is_some_and(|biases| biases.values().all(is_zero))
}

/// Removes fields that ask for nothing from a body: labels, and unsupported fields with harmless values.
///
/// # Errors
/// [`ApiError::Invalid`] names a field that asks for something that the server can't do.
pub fn remove_harmless(body: &mut Map<String, Value>) -> Result<(), ApiError> {
    body.retain(|name, value| !value.is_null() && !LABELS.contains(&&**name));
    remove_unused_tools(body, "tools", "tool_choice");
    remove_unused_tools(body, "functions", "function_call");
    if body.contains_key("best_of") && body.get("best_of") == body.get("n") {
        // The best n of n are all of them.
        body.remove("best_of");
    }
    for field in UNSUPPORTED {
        match body.remove(field.name) {
            Some(value) if !(field.is_harmless)(&value) => return Err(refusal(field)),
            _ => {}
        }
    }
    Ok(())
}

/// Removes tools that must not be called, and the automatic choice among no tools.
fn remove_unused_tools(body: &mut Map<String, Value>, tools: &str, choice: &str) {
    if body.get(choice).is_some_and(is_none) {
        body.remove(tools);
    }
    let has_tools = body.get(tools).is_some_and(|tools| !is_empty(tools));
    if !has_tools && body.get(choice).is_some_and(|choice| choice == "auto") {
        body.remove(choice);
    }
}

fn refusal(field: &Unsupported) -> ApiError {
    let name = field.name;
    let mut message = format!("{name} is not supported by this server");
    if !field.harmless.is_empty() {
        message += &format!("; leave it out or send {}", field.harmless);
    }
    ApiError::invalid(name, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rest(body: Value) -> Result<Value, ApiError> {
        let Value::Object(mut body) = body else {
            panic!("no object");
        };
        remove_harmless(&mut body)?;
        Ok(body.into())
    }

    #[test]
    fn harmless_values_ask_for_nothing() {
        for body in [
            json!({ "tools": [], "tool_choice": "auto", "parallel_tool_calls": true }),
            json!({ "tools": [{ "type": "function" }], "tool_choice": "none" }),
            json!({ "functions": [{ "name": "f" }], "function_call": "none" }),
            json!({ "functions": [], "function_call": "auto", "tools": null }),
            json!({ "best_of": 1, "echo": false, "suffix": "", "logit_bias": {} }),
            json!({ "logit_bias": { "50256": 0 }, "modalities": ["text"], "audio": null }),
            json!({ "service_tier": "auto", "reasoning_effort": "high", "verbosity": "low" }),
            json!({ "store": false, "user": "u", "metadata": { "a": "b" } }),
            json!({ "prompt_cache_key": "k", "safety_identifier": "s", "request_id": "r" }),
            json!({ "min_tokens": 0, "skip_special_tokens": true, "use_beam_search": false }),
            json!({ "length_penalty": 1.0, "stop_token_ids": [], "chat_template_kwargs": {} }),
        ] {
            assert_eq!(rest(body.clone()).expect("accepted"), json!({}), "{body}");
        }
        let several = json!({ "n": 3, "best_of": 3 });
        assert_eq!(rest(several).expect("accepted"), json!({ "n": 3 }));
    }

    #[test]
    fn values_that_ask_for_more_are_refused_by_name() {
        let tool = json!([{ "type": "function", "function": { "name": "f" } }]);
        for (body, name) in [
            (json!({ "tools": tool }), "tools"),
            (json!({ "tools": tool, "tool_choice": "auto" }), "tools"),
            (json!({ "tool_choice": "required" }), "tool_choice"),
            (json!({ "functions": [{ "name": "f" }] }), "functions"),
            (json!({ "best_of": 4 }), "best_of"),
            (json!({ "n": 2, "best_of": 4 }), "best_of"),
            (json!({ "echo": true }), "echo"),
            (json!({ "suffix": "end" }), "suffix"),
            (json!({ "logit_bias": { "5": -100 } }), "logit_bias"),
            (json!({ "modalities": ["text", "audio"] }), "modalities"),
            (json!({ "modalities": [] }), "modalities"),
            (json!({ "service_tier": "flex" }), "service_tier"),
            (json!({ "store": true }), "store"),
            (json!({ "web_search_options": {} }), "web_search_options"),
            (json!({ "min_tokens": 5 }), "min_tokens"),
            (json!({ "use_beam_search": true }), "use_beam_search"),
        ] {
            let ApiError::Invalid { message, param } = rest(body).expect_err(name) else {
                panic!("{name}: another error");
            };
            assert_eq!(param.as_deref(), Some(name));
            assert!(
                message.starts_with(&format!("{name} is not supported by this server")),
                "{message}"
            );
        }
    }

    #[test]
    fn every_field_is_named_once() {
        let fields = UNSUPPORTED.iter().map(|field| field.name);
        let mut names: Vec<&str> = fields.chain(LABELS).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
