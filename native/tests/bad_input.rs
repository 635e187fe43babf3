//! Bad input is reported in one line on stderr with status 1 (2 for usage errors), and never causes a panic.

mod common;

use common::{
    GGUF, args, command, family, family_arg, run, run_with_input, shape_arg, stderr, stdout,
    tiny_shape,
};

/// Checks that `words` fail with a message that contains all `parts`.
fn check(words: &[&str], parts: &[&str]) {
    let output = run(words);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
    // Drivers write lines that begin the same way.
    let mut errors = said.lines().filter(|line| line.starts_with("error: "));
    assert!(
        errors.any(|error| parts.iter().all(|part| error.contains(part))),
        "{words:?}: {parts:?} in {said}"
    );
    assert!(!said.contains("panicked"), "{words:?}: {said}");
    assert_eq!(stdout(&output), "", "{words:?}");
}

#[test]
fn refuses_files_that_are_not_models() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("writes");
        path.to_string_lossy().into_owned()
    };
    let whole = std::fs::read(family(GGUF)).expect("reads");
    let empty = file("empty.gguf", b"");
    let text = file(
        "text.gguf",
        b"This is no model, but it is long enough for a header.",
    );
    let torn = file("torn.gguf", &whole[..whole.len() / 2]);
    let header = file("header.gguf", &whole[..100]);
    let nothing = folder.path().join("nothing");
    std::fs::create_dir(&nothing).expect("a folder");
    let nothing = nothing.to_string_lossy().into_owned();
    let several = folder.path().to_string_lossy().into_owned();
    for command in ["inspect", "bench", "chat", "tokenize"] {
        check(&[command, "missing.gguf"], &["missing.gguf"]);
        check(&[command, &nothing], &["contains no model"]);
        check(&[command, &several], &["several models", "torn.gguf"]);
        check(&[command, &empty], &["empty.gguf", "0 bytes"]);
        check(&[command, &text], &["text.gguf"]);
        check(&[command, &torn], &["torn.gguf"]);
        check(&[command, &header], &["header.gguf"]);
    }
}

#[test]
fn refuses_unknown_shapes_and_adapters() {
    let shape = tiny_shape();
    let config = shape_arg(&shape);
    check(
        &["bench", "--random-weights", "llama-9"],
        &["llama-9", "smollm2-135m", "llama-2-7b"],
    );
    check(
        &["inspect", &family_arg(GGUF), "--quant", "Q4_0"],
        &["--random-weights"],
    );
    let words = [
        "inspect",
        "--random-weights",
        &config,
        "--backend",
        "wgpu",
        "--adapter",
        "no such adapter",
    ];
    check(&words, &["no such adapter", "there are: "]);
    let words = ["inspect", &config, "--backend", "cpu", "--adapter", "x"];
    check(&words, &["--adapter", "cpu"]);
    let words = ["inspect", &config, "--backend", "wgpu", "--isa", "avx2"];
    check(&words, &["--isa", "--backend wgpu"]);
    let broken = shape.path().join("broken.json");
    std::fs::write(&broken, "{\"hidden_size\": ").expect("writes");
    check(
        &["bench", "--random-weights", &broken.to_string_lossy()],
        &["broken.json"],
    );
    std::fs::write(&broken, "{\"hidden_size\": 0}").expect("writes");
    check(
        &["bench", "--random-weights", &broken.to_string_lossy()],
        &["broken.json"],
    );
}

#[test]
fn refuses_empty_or_too_long_prompts() {
    let model = family_arg(GGUF);
    let chat = |more: &[&str], parts: &[&str]| {
        check(
            &[&["chat", &model, "--backend", "cpu"], more].concat(),
            parts,
        );
    };
    chat(&["--prompt", ""], &["prompt is empty"]);
    chat(&["--prompt", " \n"], &["prompt is empty"]);
    let long = "The licence says so. ".repeat(200);
    chat(&["--prompt", &long], &["512"]);
    chat(
        &["--prompt", "Hi there, how are you?", "--context", "8"],
        &["8"],
    );
    chat(&["--prompt", "Hi", "--stop", ""], &["stop"]);
    chat(&["--prompt", "Hi", "--top-p", "0"], &["top_p"]);
    chat(&["--prompt", "Hi", "--temperature", "-1"], &["temperature"]);
    let more = "--backend cpu --prompt-tokens 500 --gen-tokens 500";
    let words = args(&["bench", &model], more);
    check(&words, &["500", "512"]);
    let output = run_with_input(&["chat", &model, "--prompt", "-", "--backend", "cpu"], "");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn refuses_invalid_conversations() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("messages.json");
    let two = r#"[{"role": "user", "content": "A"}, {"role": "user", "content": "B"}]"#;
    let (model, path_arg) = (
        family_arg("llama2-tiny"),
        path.to_string_lossy().into_owned(),
    );
    let words = ["tokenize", &model, "--chat", &path_arg];
    std::fs::write(&path, two).expect("writes");
    check(&words, &["roles must alternate"]);
    std::fs::write(&path, "[{\"role\": 3}]").expect("writes");
    check(&words, &["messages.json", "not a list of messages"]);
}

#[test]
fn usage_errors_have_status_2() {
    let model = family_arg(GGUF);
    let table: [&[&str]; 7] = [
        &[],
        &["sing"],
        &["bench"],
        &["bench", &model, "--gen-tokens", "0"],
        &["bench", &model, "--random-weights", "smollm2-135m"],
        &["inspect", &model, "--backend", "cuda"],
        &["chat", &model, "--json"],
    ];
    for words in table {
        assert_eq!(run(words).status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn closed_pipe_is_not_an_error() {
    use std::process::{Command, Stdio};
    let model = family_arg(GGUF);
    let mut child = Command::new(command(&[]).get_program())
        .args(["tokenize", &model, &"word ".repeat(20_000)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn refuses_fifo_as_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("pipe.gguf");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo runs").success());
    let model = fifo.to_string_lossy();
    for command_name in ["inspect", "chat", "tokenize"] {
        let mut program = command(&[command_name, &*model]);
        // Opening the pipe would wait for a writer forever.
        let output = program.timeout(std::time::Duration::from_secs(20));
        let output = output.output().expect("it ends");
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("pipe.gguf: not a file or folder"), "{said}");
    }
}

#[test]
fn refuses_empty_api_key() {
    for key in ["", "  "] {
        let words = ["serve", &*family_arg(GGUF), "--port", "0", "--api-key", key];
        let mut program = command(&words);
        let output = program.timeout(std::time::Duration::from_secs(20));
        let output = output.output().expect("it ends");
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("must not be empty"), "{said}");
    }
}

/// Creates a model whose name contains sequences that clear the screen and set the terminal's title.
fn hostile_model(folder: &std::path::Path) -> String {
    let mut bytes = std::fs::read(family(GGUF)).expect("reads");
    let name = b"llama-tied-gguf";
    let at = bytes.windows(name.len()).position(|part| part == name);
    let at = at.expect("the model's name");
    bytes[at..at + name.len()].copy_from_slice(b"\x1b[2J\x1b]0;evil!!\x07");
    let path = folder.join("\u{1b}[31mevil\u{202e}.gguf");
    std::fs::write(&path, bytes).expect("writes");
    path.to_string_lossy().into_owned()
}

#[test]
fn terminal_escapes_in_names_and_text_are_shown_visibly() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = hostile_model(folder.path());
    let gone = "\u{1b}[31mgone\u{9b}2J\u{202e}.gguf";
    let escape = ["tokenize", &*model, "--ids", "\u{1b}[31m"];
    let ids = stdout(&run(&escape));
    for words in [
        &["inspect", &*model, "--backend", "cpu"][..],
        &["inspect", &*model, "--backend", "cpu", "--json"],
        &["inspect", gone],
        &args(
            &["chat", &*model],
            "--backend cpu --prompt Hi --max-tokens 1",
        ),
        &["tokenize", &*model, "--decode", ids.trim()],
    ] {
        let output = run(words);
        let all = stdout(&output) + &stderr(&output);
        let raw = all.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']);
        assert!(!raw, "{words:?}: {all:?}");
        assert!(
            all.contains("\\u{1b}") || all.contains("\\u001b"),
            "{words:?}: {all}"
        );
    }
}
