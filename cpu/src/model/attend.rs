//! Writes keys and values to the cache, and computes attention over it.

use llamaglass_shaders::{Heads, KV_BLOCK};

use super::buffers::{Buffers, gather};
use super::step::Step;
use crate::cache::{KvValue, LayerCache, value_stride, write_position};
use crate::kernels::{Attention, Kernels};
use crate::matrix::GROUP;
use crate::split::for_each_chunk;

/// Block tables of all slots.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    /// Entries [slots, blocks per sequence].
    pub entries: &'a [u32],
    /// Number of entries per slot.
    pub per_slot: usize,
}

impl<'a> Tables<'a> {
    fn of(self, slot: u32) -> &'a [u32] {
        &self.entries[slot as usize * self.per_slot..][..self.per_slot]
    }
}

impl Step<'_> {
    /// Writes the step's keys and values to the cache; threads share the heads.
    pub fn write_cache<C: KvValue>(
        &mut self,
        cache: &mut LayerCache<C>,
        heads: Heads,
        tables: Tables<'_>,
    ) {
        let least = self.least_chunks();
        let (rows, padded) = (self.rows, self.padded);
        let Buffers { qkv, scratch, .. } = &mut *self.buffers;
        let keys = (heads.queries * heads.dim).div_ceil(GROUP) * padded;
        let values = keys + (heads.kv * heads.dim).div_ceil(GROUP) * padded;
        let (len, key_len) = (cache.head_len(), cache.key_len());
        let (pool, cache) = (&self.runtime.pool, cache.heads_mut());
        for_each_chunk(pool, least, cache, len, scratch, |scratch, head, cache| {
            let cache = cache.split_at_mut(key_len);
            let (key, value) = scratch.heads[..2 * heads.dim].split_at_mut(heads.dim);
            for (index, row) in rows.iter().enumerate() {
                let position = row.position as usize;
                gather(&qkv[keys..values], padded, index, head * heads.dim, key);
                gather(&qkv[values..], padded, index, head * heads.dim, value);
                let block = tables.of(row.slot)[position / KV_BLOCK] as usize;
                let place = (block, position % KV_BLOCK);
                write_position((cache.0, cache.1), place, key, value);
            }
        });
    }

    /// Computes attention of each row, one head of keys and values at a time.
    pub fn attend<C: KvValue>(
        &mut self,
        cache: &LayerCache<C>,
        heads: Heads,
        tables: Tables<'_>,
        attention: impl Fn(Kernels, Attention<'_, C>) + Sync,
    ) {
        let (rows, padded, kernels) = (self.rows, self.padded, self.runtime.kernels);
        let Buffers {
            qkv,
            attn_out,
            scratch,
            ..
        } = &mut *self.buffers;
        let shared = heads.queries / heads.kv;
        let len = shared * value_stride(heads.dim);
        let attn_out = &mut attn_out[..heads.kv * padded * len];
        let scale = (heads.dim as f32).sqrt().recip();
        let pool = &self.runtime.pool;
        for_each_chunk(pool, 1, attn_out, len, scratch, |scratch, index, out| {
            let (head, index) = (index / padded, index % padded);
            // Rows that only fill a tile attend to nothing.
            let Some(row) = rows.get(index) else { return };
            let queries = &mut scratch.heads[..shared * heads.dim];
            gather(qkv, padded, index, head * shared * heads.dim, queries);
            queries.iter_mut().for_each(|query| *query *= scale);
            let (keys, values) = cache.head(head);
            let positions = row.position as usize + 1;
            attention(
                kernels,
                Attention {
                    queries,
                    keys,
                    values,
                    table: tables.of(row.slot),
                    len: positions,
                    dim: heads.dim,
                    scores: &mut scratch.scores[..shared * positions.next_multiple_of(KV_BLOCK)],
                    out,
                },
            );
        });
    }
}
