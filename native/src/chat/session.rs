//! A conversation with the engine: its messages, and one answer at a time.

use anyhow::Result;
use llamaglass_driver::{EngineHandle, ThreadError};
use llamaglass_engine::event::{Event, FinishReason};
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::stats::Record;
use llamaglass_engine::tokenizer::Message;

use super::settings::Settings;
use crate::interrupt::Interrupt;

/// A conversation with the engine.
#[derive(Debug)]
pub struct Session {
    engine: EngineHandle,
    interrupt: Interrupt,
    /// Settings of generation and display.
    pub settings: Settings,
    raw: bool,
    system: Option<String>,
    turns: Vec<Message>,
    /// Added to the seed, so that a regenerated answer may differ.
    retries: u64,
}

impl Session {
    /// Creates an empty conversation; with `raw`, prompts are completed without a chat template.
    pub const fn new(
        engine: EngineHandle,
        interrupt: Interrupt,
        settings: Settings,
        raw: bool,
    ) -> Self {
        Self {
            engine,
            interrupt,
            settings,
            raw,
            system: None,
            turns: Vec::new(),
            retries: 0,
        }
    }

    /// Sets the system message, or removes it if the text is `None` or empty.
    pub fn set_system(&mut self, text: Option<String>) {
        self.system = text.filter(|text| !text.is_empty());
    }

    /// Forgets the conversation and the KV cache, but keeps the system message.
    pub fn clear(&mut self) -> Result<()> {
        self.turns.clear();
        self.retries = 0;
        Ok(self.engine.clear_cache()?)
    }

    /// Answers `prompt` and calls `visit` for every event. The answer is kept in the conversation even if it was
    /// cut short; the prompt of a failed request is removed.
    pub fn ask(
        &mut self,
        prompt: String,
        visit: &mut dyn FnMut(&Event) -> Result<()>,
    ) -> Result<Record> {
        self.retries = 0;
        self.turns.push(message("user", prompt));
        self.answer(visit)
    }

    /// Answers the last prompt again; returns `None` if there is none.
    pub fn regenerate(
        &mut self,
        visit: &mut dyn FnMut(&Event) -> Result<()>,
    ) -> Result<Option<Record>> {
        if self
            .turns
            .last()
            .is_some_and(|turn| turn.role == "assistant")
        {
            self.turns.pop();
            self.retries += 1;
        }
        if self.turns.is_empty() {
            return Ok(None);
        }
        self.answer(visit).map(Some)
    }

    fn answer(&mut self, visit: &mut dyn FnMut(&Event) -> Result<()>) -> Result<Record> {
        let mut answer = self.engine.submit(self.request())?;
        let guard = self.interrupt.aborts(self.engine.clone(), answer.id);
        let mut record = Record::default();
        let mut ended = false;
        while let Some(event) = answer.next_blocking() {
            record.push(&event);
            visit(&event)?;
            ended = event.is_last();
        }
        drop(guard);
        if !ended {
            return Err(ThreadError::Ended.into());
        }
        if record.finish_reason.is_some() {
            self.turns.push(message("assistant", record.text.clone()));
        } else {
            self.turns.pop();
        }
        Ok(record)
    }

    fn request(&self) -> Request {
        let mut request = Request::new(self.input());
        request.sampling = self.settings.sampling.clone();
        request.sampling.seed = request.sampling.seed.wrapping_add(self.retries);
        request.stop.clone_from(&self.settings.stop);
        request.max_tokens = self.settings.max_tokens;
        request.format.clone_from(&self.settings.format);
        request
    }

    fn input(&self) -> Input {
        if self.raw {
            // Only the last prompt: earlier completions are not a conversation.
            let text = self.turns.last().map(|turn| turn.content.clone());
            return Input::Text(text.unwrap_or_default());
        }
        let system = self
            .system
            .iter()
            .map(|text| message("system", text.clone()));
        Input::Messages(system.chain(self.turns.iter().cloned()).collect())
    }
}

fn message(role: &str, content: String) -> Message {
    Message {
        role: role.to_owned(),
        content,
    }
}

/// Returns true if the answer was aborted by Ctrl-C.
pub fn was_aborted(record: &Record) -> bool {
    record.finish_reason == Some(FinishReason::Abort)
}
