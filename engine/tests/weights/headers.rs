//! Property tests of both parsers: files that are written can be read back, and no damage makes the parsers
//! panic or allocate more than the file warrants.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use llamaglass_engine::weights::testing::{GgufFile, SafetensorsFile, tiny_config};
use llamaglass_engine::weights::{MetaArray, MetaType, MetaValue, TensorType, WeightsError, fuzz};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::open_gguf;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator with a count of allocated bytes per thread.
struct Counting;

fn count(bytes: isize) {
    // The counters are gone while a thread exits; they are not read then.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: every call goes to `System` unchanged; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promises are the ones that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `parse` and checks its peak memory, which may be a fixed amount plus a multiple of the file's size.
fn frugally(
    bytes: &[u8],
    parse: fn(&[u8]) -> Result<(), WeightsError>,
) -> Result<(), WeightsError> {
    let before = LIVE.get();
    PEAK.set(before);
    let result = parse(bytes);
    let peak = PEAK.get() - before;
    let allowed = (256 << 10) + 40 * bytes.len() as isize;
    assert!(
        peak <= allowed,
        "{peak} bytes for a file of {}",
        bytes.len()
    );
    result
}

fn array(depth: u32) -> BoxedStrategy<MetaArray> {
    let fixed = (0..13usize, vec(any::<u8>(), 0..80)).prop_map(|(kind, mut bytes)| {
        let element = MetaType::ALL[kind];
        let Some(size) = element.size() else {
            return MetaArray::Strings(Vec::new());
        };
        bytes.truncate(bytes.len() / size as usize * size as usize);
        if element == MetaType::Bool {
            bytes.iter_mut().for_each(|byte| *byte &= 1);
        }
        MetaArray::Fixed { element, bytes }
    });
    let strings = vec(".{0,12}", 0..6).prop_map(MetaArray::Strings);
    if depth == 0 {
        return prop_oneof![fixed, strings].boxed();
    }
    let arrays = vec(array(depth - 1), 0..4).prop_map(MetaArray::Arrays);
    prop_oneof![2 => fixed, 2 => strings, 1 => arrays].boxed()
}

fn value() -> impl Strategy<Value = MetaValue> {
    prop_oneof![
        any::<u8>().prop_map(MetaValue::U8),
        any::<i8>().prop_map(MetaValue::I8),
        any::<u16>().prop_map(MetaValue::U16),
        any::<i16>().prop_map(MetaValue::I16),
        any::<u32>().prop_map(MetaValue::U32),
        any::<i32>().prop_map(MetaValue::I32),
        any::<f32>().prop_map(MetaValue::F32),
        any::<bool>().prop_map(MetaValue::Bool),
        ".{0,30}".prop_map(MetaValue::String),
        array(2).prop_map(MetaValue::Array),
        any::<u64>().prop_map(MetaValue::U64),
        any::<i64>().prop_map(MetaValue::I64),
        any::<f64>().prop_map(MetaValue::F64),
    ]
}

/// Generates valid models with arbitrary additional metadata.
fn gguf() -> impl Strategy<Value = GgufFile> {
    let extra = proptest::collection::btree_map("[a-z_.]{1,20}", value(), 0..12);
    (extra, 2..4u32, 3..13u32, 0..11usize).prop_map(|(extra, version, alignment, kind)| {
        let mut file = GgufFile::model(&tiny_config(), TensorType::ALL[kind], 5).unwrap();
        file.version = version;
        file.alignment = 1 << alignment;
        file.set("general.alignment", MetaValue::U32(1 << alignment));
        let extra = extra
            .into_iter()
            .map(|(key, value)| (format!("extra.{key}"), value));
        // Insert them before the others, so that a wrong length is noticed.
        file.pairs.splice(1..1, extra);
        file
    })
}

fn safetensors() -> impl Strategy<Value = SafetensorsFile> {
    let metadata = vec((".{0,9}", ".{0,30}"), 0..5);
    (metadata, 0..3usize, any::<prop::sample::Index>()).prop_map(|(metadata, kind, turn)| {
        let mut file = SafetensorsFile::model(&tiny_config(), TensorType::ALL[kind], 5).unwrap();
        file.metadata = metadata;
        let turn = turn.index(file.tensors.len());
        file.tensors.rotate_left(turn);
        file
    })
}

/// Damage to a file: some bytes are replaced, the file is cut, or bytes are inserted.
#[derive(Clone, Debug)]
enum Damage {
    Replace(prop::sample::Index, Vec<u8>),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let count = prop_oneof![
        vec(any::<u8>(), 1..9),
        Just(u64::MAX.to_le_bytes().to_vec()),
        Just((1u64 << 40).to_le_bytes().to_vec()),
        Just(0u64.to_le_bytes().to_vec()),
    ];
    prop_oneof![
        4 => (any::<prop::sample::Index>(), count).prop_map(|(at, bytes)| Damage::Replace(at, bytes)),
        1 => any::<prop::sample::Index>().prop_map(Damage::Cut),
        1 => (any::<prop::sample::Index>(), vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
    ]
}

/// Applies the damage. Replacements and insertions are within the first `header` bytes, where they reveal more
/// than in the data.
fn damaged(mut bytes: Vec<u8>, header: usize, all: &[Damage]) -> Vec<u8> {
    for damage in all {
        let range = header.min(bytes.len()).max(1);
        match damage {
            Damage::Replace(at, new) => {
                let place = bytes.iter_mut().skip(at.index(range)).zip(new);
                place.for_each(|(byte, new)| *byte = *new);
            }
            Damage::Cut(at) => bytes.truncate(at.index(bytes.len().max(1))),
            Damage::Insert(at, new) => {
                let at = at.index(range).min(bytes.len());
                bytes.splice(at..at, new.iter().copied());
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn gguf_round_trips(mut file in gguf()) {
        let checkpoint = open_gguf(&file.bytes()).unwrap();
        let pairs: Vec<_> = file.pairs.iter().map(|(key, value)| (key.clone(), value.to_string())).collect();
        prop_assert_eq!(checkpoint.metadata(), pairs.as_slice());
        for tensor in checkpoint.tensors() {
            let raw = pollster::block_on(checkpoint.read_raw(tensor.name)).unwrap();
            prop_assert_eq!(&raw, &file.tensor(tensor.name).unwrap().bytes);
        }
    }

    #[test]
    fn safetensors_file_opens_after_writing(file in safetensors()) {
        prop_assert_eq!(frugally(&file.bytes(), fuzz::safetensors), Ok(()));
    }

    #[test]
    fn damaged_gguf_neither_panics_nor_exhausts_memory(file in gguf(), all in vec(damage(), 1..4)) {
        let header = file.header().len();
        let _ = frugally(&damaged(file.bytes(), header, &all), fuzz::gguf);
    }

    #[test]
    fn damaged_safetensors_file_neither_panics_nor_exhausts_memory(file in safetensors(), all in vec(damage(), 1..4)) {
        let header = file.header().len() + 8;
        let _ = frugally(&damaged(file.bytes(), header, &all), fuzz::safetensors);
    }

    #[test]
    fn random_bytes_are_rejected(noise in vec(any::<u8>(), 0..200)) {
        prop_assert!(frugally(&noise, fuzz::gguf).is_err());
        prop_assert!(frugally(&noise, fuzz::safetensors).is_err());
        prop_assert!(frugally(&[b"GGUF\x03\0\0\0", noise.as_slice()].concat(), fuzz::gguf).is_err());
    }
}
