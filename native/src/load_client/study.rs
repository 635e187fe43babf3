//! Client side of the study's protocol: one line of JSON per token.

use llamaglass_engine::stats::Summary;
use llamaglass_openai::{ProtocolError, response_error};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sample::AnswerPiece;
use super::settings::RequestSettings;

/// Maximum bytes of a line; an answer's last line has all of its tokens.
const MAX_LINE: usize = 64 << 20;

/// Returns the path of a request for `prompt`, relative to the server's root, and its body.
pub fn request(settings: &RequestSettings, model: &str, prompt: &str) -> (Vec<String>, Value) {
    let mut parameters = json!({ "max_new_tokens": settings.max_tokens });
    if settings.temperature > 0.0 {
        parameters["do_sample"] = true.into();
        parameters["temperature"] = settings.temperature.into();
        parameters["seed"] = settings.seed.into();
    }
    if settings.ignore_eos {
        // Only llamaglass servers know this field.
        parameters["ignore_eos"] = true.into();
    }
    let mut body = json!({ "inputs": prompt, "stream": settings.stream });
    if settings.stream {
        // Makes the last line include the statistics of the whole answer.
        parameters["return_full_text"] = true.into();
        body["return_protocol"] = "sse".into();
    }
    body["parameters"] = parameters;
    let address = match settings.stream {
        true => "generate_stream",
        false => "generate",
    };
    (["models", model, address].map(str::to_owned).to_vec(), body)
}

/// Splits a stream's bytes into lines.
#[derive(Debug, Default)]
pub struct LineReader(Vec<u8>);

impl LineReader {
    /// Adds bytes and returns the pieces of the lines that they complete.
    ///
    /// # Errors
    /// [`ProtocolError`] if a line is not valid or too long; the reader must not be used after it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<AnswerPiece>, ProtocolError> {
        let mut pieces = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.0.len() + part.len() > MAX_LINE {
                return Err(ProtocolError::LongLine { limit: MAX_LINE });
            }
            self.0.extend_from_slice(part);
            if part.ends_with(b"\n") {
                pieces.extend(self.end_line()?);
            }
        }
        Ok(pieces)
    }

    /// Returns the piece of a last line that has no line feed.
    ///
    /// # Errors
    /// [`ProtocolError`] if the line is not valid.
    pub fn finish(mut self) -> Result<Option<AnswerPiece>, ProtocolError> {
        self.end_line()
    }

    /// Parses the completed line; empty lines carry nothing.
    fn end_line(&mut self) -> Result<Option<AnswerPiece>, ProtocolError> {
        let line = std::mem::take(&mut self.0);
        let line = line.trim_ascii();
        (!line.is_empty()).then(|| piece(line)).transpose()
    }
}

/// The `data` of a line, or an answer that is not streamed.
#[derive(Deserialize)]
struct Answer {
    generated_text: Option<String>,
    finish_reason: Option<String>,
    generated_tokens: Option<usize>,
    /// Statistics of the answer, from llamaglass servers.
    details: Option<Value>,
}

/// Parses a line of a stream. The line with a finish reason is the last.
fn piece(line: &[u8]) -> Result<AnswerPiece, ProtocolError> {
    let answer = answer(line)?;
    let end = answer.finish_reason.is_some();
    Ok(AnswerPiece {
        // Each line is a token, as the study's client counts them.
        text: !end,
        ..answer.piece(end)
    })
}

/// Parses an answer that is not streamed.
///
/// # Errors
/// [`ProtocolError`] if the answer is not valid or is an error.
pub fn whole(body: &[u8]) -> Result<AnswerPiece, ProtocolError> {
    Ok(answer(body)?.piece(true))
}

fn answer(json: &[u8]) -> Result<Answer, ProtocolError> {
    let unreadable = |why: String| ProtocolError::Form {
        why,
        excerpt: response_error(json),
    };
    let mut value: Value = serde_json::from_slice(json).map_err(|e| unreadable(e.to_string()))?;
    if value.get("error").is_some() {
        return Err(ProtocolError::Refused(response_error(json)));
    }
    let data = value.get_mut("data").map(Value::take);
    let answer: Answer = serde_json::from_value(data.unwrap_or(value))
        .map_err(|error| unreadable(error.to_string()))?;
    if answer.generated_text.is_none() {
        return Err(unreadable("no generated_text".into()));
    }
    Ok(answer)
}

impl Answer {
    fn piece(self, end: bool) -> AnswerPiece {
        // Other servers send other details.
        let summary = self.details.map(serde_json::from_value::<Summary>);
        let summary = summary.and_then(Result::ok);
        AnswerPiece {
            text: self.generated_text.is_some_and(|text| !text.is_empty()),
            finish_reason: self.finish_reason,
            prompt_tokens: summary.as_ref().map(|of| of.prompt_tokens),
            tokens: self.generated_tokens,
            summary,
            step_end_ms: None,
            end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = concat!(
        r#"{"event": "message", "retry": 30000, "data": {"details": null, "generated_text": "", "#,
        r#""tokens": {"id": 1, "logprob": -0.5, "special": false, "text": "a"}, "top_tokens": []}}"#,
        "\n\n\r\n",
        r#"{"event": "message", "retry": 30000, "data": {"details": {"of": "others"}, "#,
        r#""generated_text": "a", "finish_reason": "length", "generated_tokens": 1, "#,
        r#""prefill": [], "seed": 0, "tokens": []}}"#,
        "\n",
    );

    #[test]
    fn each_line_is_a_token_until_the_finish_reason() {
        for chunk in [1, 7, 4096] {
            let mut reader = LineReader::default();
            let pieces = STREAM.as_bytes().chunks(chunk);
            let pieces = pieces.flat_map(|bytes| reader.push(bytes).expect("lines"));
            let pieces: Vec<AnswerPiece> = pieces.collect();
            assert_eq!(pieces.len(), 2);
            assert!(pieces[0].text && !pieces[0].end);
            assert!(!pieces[1].text && pieces[1].end);
            assert_eq!(pieces[1].tokens, Some(1));
            assert_eq!(pieces[1].finish_reason.as_deref(), Some("length"));
        }
    }

    #[test]
    fn last_line_may_lack_its_line_feed() {
        let mut reader = LineReader::default();
        let pieces = reader.push(STREAM.trim_end().as_bytes()).expect("lines");
        assert_eq!(pieces.len(), 1);
        let last = reader.finish().expect("a line").expect("a piece");
        assert!(last.end);
        assert_eq!(LineReader::default().finish(), Ok(None));
    }

    #[test]
    fn errors_and_invalid_lines_in_a_stream_are_reported() {
        let push = |line: &str| LineReader::default().push(line.as_bytes());
        let error = push("{\"event\": \"error\", \"error\": {\"message\": \"no room\"}}\n");
        assert_eq!(error, Err(ProtocolError::Refused("no room".into())));
        for line in ["{}\n", "data: {}\n", "{\"data\": {\"tokens\": 1}}\n"] {
            assert!(push(line).is_err(), "{line}");
        }
    }
}
