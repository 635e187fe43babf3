//! Splits data into chunks that a pool's threads process.

use std::marker::PhantomData;

use crate::pool::Pool;

/// A slice whose elements are handed out to threads, each at most once.
struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    _slice: PhantomData<&'a mut [T]>,
}

// SAFETY: it only hands out `&mut T` to disjoint parts, which may be sent if T may.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    const fn new(slice: &'a mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            _slice: PhantomData,
        }
    }

    /// Returns `len` elements from `start` on.
    ///
    /// # Safety
    /// No two parts that are alive at the same time may overlap.
    #[expect(clippy::mut_from_ref, reason = "the parts are disjoint, see Safety")]
    unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start <= self.len && len <= self.len - start);
        // SAFETY: in bounds, as just checked; disjoint, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}

/// Calls `f` with each chunk of `chunk` elements of `data` and its index. The pool's threads share the chunks, at
/// least `least` at a time, and each thread has its own element of `scratch`. Without data, nothing is called.
///
/// # Panics
/// If `scratch` has fewer elements than the pool has threads, or `data` is not a whole number of chunks.
pub fn for_each_chunk<T: Send, S: Send>(
    pool: &Pool,
    least: usize,
    data: &mut [T],
    chunk: usize,
    scratch: &mut [S],
    f: impl Fn(&mut S, usize, &mut [T]) + Sync,
) {
    assert!(scratch.len() >= pool.capacity() && data.len().is_multiple_of(chunk));
    if data.is_empty() {
        return;
    }
    let chunks = data.len() / chunk;
    let (data, scratch) = (Shared::new(data), Shared::new(scratch));
    pool.ranges(chunks, least, &|thread, range| {
        // SAFETY: a thread runs one piece at a time, and no two threads have the same index.
        let scratch = unsafe { scratch.part(thread, 1) };
        for index in range {
            // SAFETY: the pieces are disjoint ranges of chunks.
            let part = unsafe { data.part(index * chunk, chunk) };
            f(&mut scratch[0], index, part);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_called_without_data() {
        let pool = Pool::new(1);
        for chunk in [0, 3] {
            let f = |(): &mut (), _, _: &mut [u8]| panic!("called");
            for_each_chunk(&pool, 1, &mut [], chunk, &mut [()], f);
        }
    }

    #[test]
    fn every_chunk_is_processed_once_with_scratch_of_its_own() {
        for threads in 1..=3 {
            let pool = Pool::new(threads);
            let mut data = vec![0usize; 3 * 50];
            let mut counts = vec![0; threads];
            for_each_chunk(
                &pool,
                2,
                &mut data,
                3,
                &mut counts,
                |count, index, chunk| {
                    *count += 1;
                    chunk.iter_mut().for_each(|value| *value += index + 1);
                },
            );
            assert!(
                data.chunks(3)
                    .enumerate()
                    .all(|(i, chunk)| chunk == [i + 1; 3])
            );
            assert_eq!(counts.iter().sum::<usize>(), 50);
        }
    }
}
