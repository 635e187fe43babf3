//! Slash commands of a conversation.

use anyhow::{Result, bail};

use super::settings::KEYS;
use crate::cli::TimingView;

/// A line typed into a conversation.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing was typed.
    Empty,
    /// Send this to the model.
    Say(String),
    /// List the commands.
    Help,
    /// Forget the conversation.
    Clear,
    /// Set the system message, or remove it if the text is empty.
    System(String),
    /// Answer the last prompt again.
    Regenerate,
    /// Show timing after answers.
    Timing(TimingView),
    /// Change a setting.
    Set(String, String),
    /// Leave.
    Quit,
}

impl Line {
    /// Parses a typed line. Two leading slashes stand for a text that begins with one.
    pub fn parse(line: &str) -> Result<Self> {
        let line = line.trim();
        let Some(command) = line.strip_prefix('/') else {
            return Ok(if line.is_empty() {
                Self::Empty
            } else {
                Self::Say(line.to_owned())
            });
        };
        if command.starts_with('/') {
            return Ok(Self::Say(command.to_owned()));
        }
        let (name, rest) = command
            .split_once(char::is_whitespace)
            .unwrap_or((command, ""));
        let rest = rest.trim();
        Ok(match name {
            "help" | "?" => Self::Help,
            "clear" => Self::Clear,
            "system" => Self::System(rest.to_owned()),
            "regenerate" => Self::Regenerate,
            "timing" => Self::Timing(match rest {
                "" | "on" => TimingView::Summary,
                "tokens" => TimingView::Tokens,
                "off" => TimingView::Off,
                _ => bail!("/timing on, tokens or off"),
            }),
            "set" => {
                let (key, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                if key.is_empty() {
                    bail!("/set KEY VALUE, where KEY is one of {}", KEYS.join(", "));
                }
                Self::Set(key.to_owned(), value.trim().to_owned())
            }
            "quit" | "exit" => Self::Quit,
            _ => bail!("unknown command /{name}; /help lists them"),
        })
    }
}

/// Output of `/help`.
pub const HELP: &str = "\
/system TEXT          set the system message; without TEXT, remove it
/regenerate           answer the last prompt again, with the next seed
/clear                clear the conversation
/timing on|tokens|off show timing after each answer
/set KEY VALUE        change a setting: temperature, top_k, top_p, min_p, repetition_penalty,
                      presence_penalty, frequency_penalty, seed, max_tokens, stop
/quit                 leave (or Ctrl-D)
//TEXT                send a text that begins with a slash
Ctrl-C                stop the answer";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_lines_are_parsed() {
        let table = [
            ("", Line::Empty),
            ("  hi /there ", Line::Say("hi /there".into())),
            ("//etc", Line::Say("/etc".into())),
            ("/system  Be terse. ", Line::System("Be terse.".into())),
            ("/system", Line::System(String::new())),
            ("/set top_k 5", Line::Set("top_k".into(), "5".into())),
            (
                "/set stop two words",
                Line::Set("stop".into(), "two words".into()),
            ),
            ("/timing", Line::Timing(TimingView::Summary)),
            ("/timing off", Line::Timing(TimingView::Off)),
            ("/quit", Line::Quit),
        ];
        for (text, meaning) in table {
            assert_eq!(Line::parse(text).expect(text), meaning, "{text}");
        }
    }

    #[test]
    fn unknown_commands_are_refused_with_a_hint() {
        for (text, part) in [
            ("/sing", "/sing"),
            ("/set", "top_p"),
            ("/timing loud", "off"),
        ] {
            let error = Line::parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
