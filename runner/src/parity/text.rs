//! Tokenizer and chat cases, which require identical results.

use super::reference::{Cases, ChatCase, ChatFile, MustFailCase, TokenizerCase};
use super::report::{CaseResult, Kind};
use llamaglass_engine::text::TextStream;
use llamaglass_engine::tokenizer::{SpecialText, TemplateOptions, Tokenizer, TokenizerError};

/// Runs the cases of tokenizer.json.
pub fn tokenizer_cases<'a>(
    tokenizer: &'a Tokenizer,
    file: &'a Cases<TokenizerCase>,
) -> impl Iterator<Item = CaseResult> + 'a {
    // If any case of the file has the field, cases without it have the same ids with and without BOS.
    let with_bos = file.cases.iter().any(|case| case.ids_with_bos.is_some());
    file.cases.iter().map(move |case| {
        let mut result = CaseResult::new(Kind::Tokenizer, format!("{:?}", shortened(&case.text)));
        encode(&mut result, tokenizer, case, with_bos);
        decode(&mut result, tokenizer, case);
        result.figure("ids", case.ids.len() as f64);
        result
    })
}

fn encode(result: &mut CaseResult, tokenizer: &Tokenizer, case: &TokenizerCase, with_bos: bool) {
    let mut check = |what: &str, ours: Result<Vec<u32>, TokenizerError>, theirs: &[u32]| match ours
    {
        Ok(ours) => result.same(what, &ours, theirs),
        Err(error) => result.fail(format!("{what}: {error}")),
    };
    let as_text = case.ids_special_as_text.as_ref().unwrap_or(&case.ids);
    check(
        "ids",
        tokenizer.encode(&case.text, SpecialText::Parse),
        &case.ids,
    );
    check(
        "ids with special text as text",
        tokenizer.encode(&case.text, SpecialText::AsText),
        as_text,
    );
    if with_bos {
        let theirs = case.ids_with_bos.as_ref().unwrap_or(&case.ids);
        let ours = tokenizer.encode_with_bos(&case.text, SpecialText::Parse);
        check("ids with BOS", ours, theirs);
    }
}

fn decode(result: &mut CaseResult, tokenizer: &Tokenizer, case: &TokenizerCase) {
    if let Some(pieces) = &case.pieces_hex {
        let piece = |id: &u32| tokenizer.piece(*id).map(hex);
        let ours = case.ids.iter().map(piece).collect::<Result<Vec<_>, _>>();
        match ours {
            Ok(ours) => result.same("pieces", &ours, pieces),
            Err(error) => result.fail(format!("pieces: {error}")),
        }
    }
    let decoded = tokenizer.decode(&case.ids, false);
    if decoded != case.decoded {
        result.fail(format!(
            "decoded to {decoded:?} instead of {:?}",
            case.decoded
        ));
    }
    // Decode as a completion is streamed, id by id. Special ids have no text there.
    let mut stream = TextStream::new(tokenizer, &[]);
    let deltas = case.ids.iter().map(|id| stream.push(tokenizer, *id).text);
    let mut streamed: String = deltas.collect();
    streamed.push_str(&stream.finish());
    let whole = tokenizer.decode(&case.ids, true);
    if streamed != whole {
        result.fail(format!(
            "streamed as {streamed:?}, but decoded as {whole:?}"
        ));
    }
}

/// Runs the cases of chat.json, followed by those that the template must reject.
pub fn chat_cases<'a>(
    tokenizer: &'a Tokenizer,
    file: &'a ChatFile,
) -> impl Iterator<Item = CaseResult> + 'a {
    let rendered = file.cases.iter().map(|case| chat_case(tokenizer, case));
    rendered.chain(file.must_fail.iter().map(|case| must_fail(tokenizer, case)))
}

fn chat_case(tokenizer: &Tokenizer, case: &ChatCase) -> CaseResult {
    let mut result = CaseResult::new(Kind::Chat, &case.name);
    let options = TemplateOptions {
        add_generation_prompt: case.add_generation_prompt,
    };
    match tokenizer.apply_template(&case.messages, &options) {
        Ok(rendered) if rendered == case.rendered => {}
        Ok(rendered) => {
            let (ours, theirs): (Vec<char>, Vec<char>) =
                (rendered.chars().collect(), case.rendered.chars().collect());
            result.same("rendered characters", &ours, &theirs);
        }
        Err(error) => result.fail(format!("not rendered: {error}")),
    }
    match tokenizer.encode(&case.rendered, SpecialText::Parse) {
        Ok(ids) => result.same("ids", &ids, &case.ids),
        Err(error) => result.fail(format!("not encoded: {error}")),
    }
    result.figure("ids", case.ids.len() as f64);
    result
}

fn must_fail(tokenizer: &Tokenizer, case: &MustFailCase) -> CaseResult {
    let mut result = CaseResult::new(Kind::Chat, format!("{} (must fail)", case.name));
    let options = TemplateOptions {
        add_generation_prompt: case.add_generation_prompt,
    };
    match tokenizer.apply_template(&case.messages, &options) {
        Ok(_) => result.fail("rendered, but the template must refuse it"),
        Err(error) if error.to_string().contains(&case.message) => {}
        Err(error) => result.fail(format!("refused with {error:?}, not {:?}", case.message)),
    }
    result
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
