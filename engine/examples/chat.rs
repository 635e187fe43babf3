//! Answers a prompt: `cargo run --release -p llamaglass-engine --example chat -- MODEL PROMPT`.

use std::error::Error;
use std::io::Write;

use llamaglass_engine::event::Event;
use llamaglass_engine::{Engine, Input, LoadOptions, Message, Request};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or("expected a path to a model")?;
    let content = arguments.next().ok_or("expected a prompt")?;
    let role = "user".into();
    let request = Request::new(Input::Messages(vec![Message { role, content }]));

    let mut engine = pollster::block_on(Engine::open(&*model, LoadOptions::default()))?;
    engine.submit(request);
    while !engine.is_idle() {
        for event in pollster::block_on(engine.step()) {
            match event {
                Event::Token { text, .. } | Event::Done { text, .. } => print!("{text}"),
                Event::Failed { error, .. } => return Err(error.into()),
                _ => {}
            }
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}
