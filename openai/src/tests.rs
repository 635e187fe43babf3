use proptest::prelude::*;
use serde_json::json;

use super::sse::SseReader;
use super::*;
use llamaglass_types::Message;
use llamaglass_types::event::FinishReason;
use llamaglass_types::timing::{Clock, ClockSource, RequestTiming, Spans, StepKind, StepTiming};
use llamaglass_types::{Input, Request, SamplingOptions};

fn events(bytes: &[u8], cut: usize) -> Vec<String> {
    let mut reader = SseReader::default();
    let chunks = bytes.chunks(cut.max(1));
    chunks
        .flat_map(|chunk| reader.push(chunk).expect("short lines"))
        .collect()
}

#[test]
fn events_end_at_empty_line_with_any_line_ending() {
    let text = b": hi\n\ndata: a\r\ndata:b\r\n\r\nevent: x\rdata: c\r\rdata: d\n";
    assert_eq!(events(text, 1000), ["a\nb", "c"]);
}

#[test]
fn endless_line_is_rejected() {
    let mut reader = SseReader::default();
    let long = vec![b'a'; 1 << 20];
    let refused = (0..8).find_map(|_| reader.push(&long).err());
    assert!(matches!(refused, Some(ProtocolError::LongLine { .. })));
}

proptest! {
    #[test]
    fn events_do_not_depend_on_chunk_boundaries(
        text in "(data: ?[a-zä]{0,5}(\r\n|\n|\r)|(\r\n|\n|\r)|:\n){0,12}", cut in 1usize..9,
    ) {
        prop_assert_eq!(events(text.as_bytes(), cut), events(text.as_bytes(), 1 << 20));
    }

    #[test]
    fn chunk_reader_never_panics(bytes: Vec<u8>, cut in 1usize..9) {
        let mut reader = ChunkReader::default();
        for chunk in bytes.chunks(cut) {
            // The result does not matter here.
            let _items = reader.push(chunk);
        }
    }
}

#[test]
fn chunk_reader_parses_chunks_of_any_server() {
    let step = StepTiming {
        kind: StepKind::Decode,
        tokens: 1,
        position: 4,
        start_ms: 1.0,
        wall_ms: 2.0,
        spans: Spans::default(),
        clock: Clock {
            source: ClockSource::Monotonic,
            resolution_ms: 0.0,
        },
        device: None,
        parts: None,
    };
    let timing = RequestTiming {
        spans: step.spans,
        clock: step.clock,
    };
    let chunks = [
        json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}]}),
        json!({"choices": [{"delta": {}}], "started": {"prompt_tokens": 3, "reused_tokens": 1, "timing": timing}}),
        json!({"choices": [{"delta": {}}], "prefill": {"done_tokens": 2, "prompt_tokens": 3, "step": step}}),
        json!({"choices": [{"delta": {"content": "Hé"}}], "timing": {"id": 7, "step": step}}),
        json!({"choices": [{"text": "llo", "finish_reason": "length"}]}),
        json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}}),
    ];
    let mut stream: String = chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect();
    stream += "data: [DONE]\n\n";
    let items = ChunkReader::default()
        .push(stream.as_bytes())
        .expect("a valid stream");
    let (last, items) = items.split_last().expect("items");
    assert_eq!(*last, StreamItem::End);
    let chunks: Vec<&CompletionChunk> = items
        .iter()
        .map(|item| match item {
            StreamItem::Chunk(chunk) => &**chunk,
            StreamItem::End => panic!("the stream ended too early"),
        })
        .collect();
    let text: String = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
    assert_eq!(text, "Héllo");
    let started = PrefillStart {
        prompt_tokens: 3,
        reused_tokens: 1,
        timing,
    };
    assert_eq!(chunks[1].started, Some(started));
    assert_eq!(chunks[2].prefill.map(|chunk| chunk.step), Some(step));
    assert_eq!(chunks[3].timing, Some(TokenTiming { id: 7, step }));
    assert_eq!(chunks[3].finish(), None);
    assert_eq!(chunks[4].finish(), Some(FinishReason::Length));
    let usage = chunks[5].usage.as_ref().expect("usage");
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (3, 2));
    assert_eq!(usage.cached_tokens(), Some(1));
}

#[test]
fn server_error_messages_are_extracted() {
    let mut reader = ChunkReader::default();
    let error = reader.push(b"data: {\"error\": {\"message\": \"no room\"}}\n\n");
    assert_eq!(error, Err(ProtocolError::Refused("no room".into())));
    assert_eq!(
        response_error(b"{\"error\": {\"message\": \"no key\"}}"),
        "no key"
    );
    assert_eq!(response_error(b"{\"error\": \"plain\"}"), "plain");
    assert_eq!(response_error(b"Bad Gateway"), "Bad Gateway");
    let unreadable = parse_completion(b"<html>")
        .expect_err("no JSON")
        .to_string();
    assert!(unreadable.contains("<html>"), "{unreadable}");
}

#[test]
fn request_body_contains_only_set_fields() {
    let plain = Request {
        max_tokens: Some(5),
        ..Request::new(Input::Messages(vec![Message {
            role: "user".into(),
            content: "Hi".into(),
        }]))
    };
    let client = ClientRequest {
        model: "m",
        request: &plain,
        stream: false,
        timings: false,
    };
    assert_eq!(client.path(), "/chat/completions");
    let wanted = json!({
        "model": "m", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.0, "max_tokens": 5,
    });
    assert_eq!(client.body(), wanted);
    let full = Request {
        input: Input::Ids(vec![1, 2]),
        sampling: SamplingOptions {
            temperature: 0.5,
            top_k: 3,
            seed: u64::MAX,
            ..SamplingOptions::default()
        },
        ignore_eos: true,
        deadline_ms: Some(1500.0),
        ..plain.clone()
    };
    let client = ClientRequest {
        request: &full,
        stream: true,
        timings: true,
        ..client
    };
    assert_eq!(client.path(), "/completions");
    let wanted = json!({
        "model": "m", "prompt": [1, 2], "temperature": 0.5, "max_tokens": 5, "seed": -1, "top_k": 3,
        "ignore_eos": true, "timeout": 1.5, "stream": true,
        "stream_options": {"include_usage": true, "include_timings": true},
    });
    assert_eq!(client.body(), wanted);
}

#[test]
fn served_models_are_parsed() {
    let list = json!({"object": "list", "data": [
        {"id": "a", "owned_by": "llamaglass", "max_model_len": 64}, {"id": "b"},
    ]});
    let models = served_models(list.to_string().as_bytes()).expect("a list");
    assert_eq!(models.len(), 2);
    assert_eq!(models[0].context_length, Some(64));
    assert!(models[0].sends_timings && !models[1].sends_timings);
    assert!(served_models(b"[]").is_err());
}
