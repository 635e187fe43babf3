//! A mock device that stores a token id in place of its keys and values.

use std::collections::HashMap;

use super::super::RequestId;
use super::super::blocks::{BlockCopy, NULL_BLOCK};
use super::super::step::Step;

/// Returns the mock model's next token after `tokens`; depends on all of them.
pub fn next_token(tokens: &[u32]) -> u32 {
    let mix = |hash: u64, id: &u32| (hash ^ u64::from(*id)).wrapping_mul(0x0100_0000_01b3);
    (tokens.iter().fold(0xcbf2_9ce4_8422_2325, mix) >> 32) as u32 % 5
}

#[derive(Clone, Copy)]
struct Row {
    token: u32,
    position: usize,
    slot: usize,
}

pub struct MockDevice {
    block_size: usize,
    blocks: Vec<Vec<u32>>,
    tables: HashMap<usize, Vec<u32>>,
    /// Rows made from the latest samples.
    next_rows: Vec<Row>,
}

impl MockDevice {
    pub fn new(blocks: usize, block_size: usize) -> Self {
        Self {
            block_size,
            blocks: vec![vec![u32::MAX; block_size]; blocks + 1],
            tables: HashMap::new(),
            next_rows: Vec::new(),
        }
    }

    /// Computes a step and returns the sampled tokens.
    pub fn compute(&mut self, step: &Step, tokens: impl Fn(RequestId) -> Vec<u32>) -> Vec<u32> {
        self.prepare(step);
        let mut samples = Vec::new();
        if step.is_empty() {
            return samples;
        }
        let mut chained = std::mem::take(&mut self.next_rows).into_iter();
        for chunk in step.chunks() {
            let rows: Vec<Row> = if step.chained {
                chained.next().into_iter().collect()
            } else {
                let tokens = tokens(chunk.request);
                let row = |position: usize| Row {
                    token: tokens[position],
                    position,
                    slot: chunk.slot,
                };
                chunk.range.clone().map(row).collect()
            };
            assert_eq!(rows.len(), chunk.range.len());
            for row in rows {
                assert_eq!(row.slot, chunk.slot);
                assert!(chunk.range.contains(&row.position));
                let block = self.tables[&row.slot][row.position / self.block_size];
                assert_ne!(block, NULL_BLOCK);
                self.blocks[block as usize][row.position % self.block_size] = row.token;
            }
            if chunk.samples {
                let position = chunk.range.end;
                let token = next_token(&self.cached(chunk.slot, position));
                samples.push(token);
                self.next_rows.push(Row {
                    token,
                    position,
                    slot: chunk.slot,
                });
            }
        }
        samples
    }

    fn prepare(&mut self, step: &Step) {
        for (BlockCopy { from, to }, count) in step.copy_runs() {
            let [from, to] = [from as usize, to as usize];
            // All blocks of a run are copied at once, as on the device.
            let run = self.blocks[from..from + count].to_vec();
            self.blocks[to..to + count].clone_from_slice(&run);
        }
        for entry in step.table_runs().flatten() {
            assert_ne!(entry.block, NULL_BLOCK);
            let table = self.tables.entry(entry.slot).or_default();
            table.resize(table.len().max(entry.index + 1), NULL_BLOCK);
            table[entry.index] = entry.block;
        }
    }

    /// Returns the tokens that a row at `end - 1` attends to.
    fn cached(&self, slot: usize, end: usize) -> Vec<u32> {
        let at = |position: usize| {
            let block = self.tables[&slot][position / self.block_size];
            self.blocks[block as usize][position % self.block_size]
        };
        (0..end).map(at).collect()
    }
}
