//! Tests of `--trace FILE`.

mod common;

use std::collections::BTreeSet;

use common::{BACKENDS, GGUF, args, assert_contains, family_arg, run, stderr};
use llamaglass_engine::timing::{ModelPart, Span, StepKind};
use serde_json::Value;

#[test]
fn trace_has_threads_device_and_requests_with_span_names() {
    for backend in BACKENDS {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("trace.json");
        let (model, path) = (family_arg(GGUF), file.to_string_lossy());
        let more = "--prompt Hi --max-tokens 5";
        let words = args(&["chat", &model, "--backend", backend], more);
        let output = run(&[&words[..], &["--trace", &path]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let text = std::fs::read_to_string(&file).expect("the trace");
        let events: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        let slices = |group: u64| {
            let own = events
                .iter()
                .filter(move |e| e["ph"] == "X" && e["pid"] == group);
            own.map(|event| event["name"].as_str().expect("a name"))
        };
        let spans = Span::ALL.iter().map(|span| span.name());
        let parts = ModelPart::ALL.iter().map(|part| part.name());
        let names: BTreeSet<&str> = spans.chain(parts).collect();
        let threads: BTreeSet<&str> = slices(1).collect();
        assert!(threads.is_subset(&names), "{threads:?}");
        for span in [Span::Plan, Span::Upload, Span::Detokenize, Span::Emit] {
            assert!(threads.contains(span.name()), "{backend}: {span:?}");
        }
        for (span, of_backend) in [
            (Span::Compute, "cpu"),
            (Span::Encode, "wgpu"),
            (Span::Submit, "wgpu"),
            (Span::Gpu, "wgpu"),
        ] {
            let booked = threads.contains(span.name());
            assert_eq!(booked, backend == of_backend, "{backend}: {span:?}");
        }
        let decode = slices(3)
            .filter(|name| *name == StepKind::Decode.name())
            .count();
        // The prefill step samples the first token.
        assert_eq!(decode, 4, "{backend}");
        let of_request: BTreeSet<&str> = slices(3).collect();
        for name in ["tokenize", "queue", "schedule", "prefill", "length"] {
            assert!(
                of_request.contains(name),
                "{backend}: {name} in {of_request:?}"
            );
        }
        // lavapipe has device timestamps; the CPU backend has no device.
        assert_eq!(slices(2).any(|name| name == "forward"), backend == "wgpu");
        let named = events
            .iter()
            .any(|e| e["ph"] == "M" && e["args"]["name"] == "engine");
        assert!(named, "the engine's thread has its name");
    }
}

#[test]
fn fails_when_trace_file_cannot_be_created() {
    let model = family_arg(GGUF);
    let output = run(&args(
        &["chat", &model],
        "--prompt a --trace no/such/folder/file",
    ));
    assert_eq!(output.status.code(), Some(1));
    assert_contains(&stderr(&output), "no/such/folder/file");
}
