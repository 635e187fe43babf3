//! Ids to UTF-8-safe text, and stop strings.
#[derive(Debug)]
pub struct TextStream;
pub struct Delta {
    pub text: String,
    pub stopped: bool,
}
impl TextStream {
    pub fn new(t: &crate::tokenizer::Tokenizer, s: &[String]) -> Self {
        todo!()
    }
    pub fn push(&mut self, t: &crate::tokenizer::Tokenizer, id: u32) -> Delta {
        todo!()
    }
    pub fn finish(&mut self) -> String {
        todo!()
    }
}
