//! The module's one model: loading it, and its steps.

use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::slice;

use llamaglass_cpu::wire::{
    CAPACITY_WORDS, DIMENSION_WORDS, KERNEL_TIME_VALUES, PART_TIME_VALUES, ROW_WORDS,
    format_from_word, part_times_to_values,
};
use llamaglass_cpu::{Capacity, Dimensions, Model, ModelBuilder, ModelError, Row, Runtime, Tensor};

use crate::failure::set_message;

/// State that the calls share. The model is never dropped, because the page drops the module as a whole; the code for it
/// would be a tenth of the module.
struct Module {
    builder: Option<ManuallyDrop<ModelBuilder>>,
    model: Option<&'static mut Model>,
    rows: Vec<Row>,
    outputs: Vec<usize>,
    part_times: [f64; PART_TIME_VALUES],
    kernel_times: Vec<[f64; KERNEL_TIME_VALUES]>,
    residuals: Vec<f32>,
}

struct CallerOnly(UnsafeCell<Module>);

// SAFETY: only the caller's thread uses it, see the crate's documentation.
unsafe impl Sync for CallerOnly {}

static MODULE: CallerOnly = CallerOnly(UnsafeCell::new(Module {
    builder: None,
    model: None,
    rows: Vec::new(),
    outputs: Vec::new(),
    part_times: [0.0; PART_TIME_VALUES],
    kernel_times: Vec::new(),
    residuals: Vec::new(),
}));

/// Functions that the module's host provides.
mod host {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        /// Returns the milliseconds since a fixed moment.
        pub safe fn now() -> f64;
    }
}

fn now() -> f64 {
    host::now()
}

/// Error of a call.
enum CallError {
    Model(ModelError),
    Other(&'static str),
}

const NOT_LOADING: CallError = CallError::Other("no model is being loaded");
const NOT_LOADED: CallError = CallError::Other("no model is loaded");

impl From<ModelError> for CallError {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

type CallResult<T = ()> = Result<T, CallError>;

impl Module {
    fn builder(&mut self) -> CallResult<&mut ModelBuilder> {
        self.builder.as_deref_mut().ok_or(NOT_LOADING)
    }

    fn model(&mut self) -> CallResult<&mut Model> {
        self.model.as_deref_mut().ok_or(NOT_LOADED)
    }

    /// Returns the model with the rows and outputs that were read.
    fn step(&mut self) -> CallResult<(&mut Model, &[Row], &[usize])> {
        let model = self.model.as_deref_mut().ok_or(NOT_LOADED)?;
        Ok((model, &self.rows, &self.outputs))
    }

    /// Reads a step's rows and the indices of those that get logits.
    ///
    /// # Safety
    /// `rows` has `row_count` rows, and `outputs` has `output_count` words.
    unsafe fn read_step(&mut self, rows: List, outputs: List) {
        // SAFETY: as the caller promises.
        let rows = unsafe { rows.read::<[u32; ROW_WORDS]>() };
        self.rows.clear();
        self.rows
            .extend(rows.iter().map(|words| Row::from_words(*words)));
        // SAFETY: as the caller promises.
        let outputs = unsafe { outputs.read::<u32>() };
        self.outputs.clear();
        self.outputs
            .extend(outputs.iter().map(|output| *output as usize));
    }
}

/// Values that the caller has written.
struct List(*const u8, usize);

impl List {
    /// Returns the values.
    ///
    /// # Safety
    /// The address is aligned for T, and as many values were written there and stay unchanged.
    unsafe fn read<'a, T: Copy>(self) -> &'a [T] {
        if self.1 == 0 {
            return &[];
        }
        // SAFETY: as the caller promises.
        unsafe { slice::from_raw_parts(self.0.cast(), self.1) }
    }
}

/// Runs a call. Returns `None` if it failed; its message is kept.
fn call<T>(body: impl FnOnce(&mut Module) -> CallResult<T>) -> Option<T> {
    // SAFETY: only the caller's thread calls this, and no call is made within another.
    let module = unsafe { &mut *MODULE.0.get() };
    body(module)
        .map_err(|error| match error {
            CallError::Model(error) => set_message(&error),
            CallError::Other(text) => set_message(&text),
        })
        .ok()
}

/// Runs a call that returns nothing. Returns 0, or 1 if it failed.
fn run(body: impl FnOnce(&mut Module) -> CallResult) -> u32 {
    u32::from(call(body).is_none())
}

/// Runs a call that returns the address of its result; 0 if it failed.
fn find<T>(body: impl FnOnce(&mut Module) -> CallResult<*const T>) -> *const T {
    call(body).unwrap_or(std::ptr::null())
}

/// Begins to load a model with [`DIMENSION_WORDS`] words of dimensions, for `threads` threads.
///
/// # Safety
/// The words were written to `dimensions`.
#[unsafe(no_mangle)]
unsafe extern "C" fn begin(dimensions: *const u32, threads: usize) -> u32 {
    std::panic::set_hook(Box::new(|panic| set_message(panic)));
    run(|module| {
        // SAFETY: as the caller promises.
        let dimensions = unsafe { *dimensions.cast::<[u32; DIMENSION_WORDS]>() };
        let runtime = Runtime::new(None, threads, now)?;
        let builder = ModelBuilder::new(Dimensions::from_words(dimensions), runtime);
        module.builder = Some(ManuallyDrop::new(builder));
        Ok(())
    })
}

/// Packs a matrix of `bytes` bytes at `stored`; see [`Tensor::from_words`] and [`format_from_word`].
///
/// # Safety
/// The bytes were written to `stored`.
#[unsafe(no_mangle)]
unsafe extern "C" fn matrix(
    kind: u32,
    layer: u32,
    format: u32,
    stored: *const u8,
    bytes: usize,
) -> u32 {
    run(|module| {
        // SAFETY: as the caller promises.
        let stored = unsafe { List(stored, bytes).read::<u8>() };
        let format = format_from_word(format).ok_or(CallError::Other("unknown format"))?;
        module
            .builder()?
            .matrix(tensor(kind, layer)?, format, stored)?;
        Ok(())
    })
}

/// Sets the `count` values of a norm or a bias.
///
/// # Safety
/// The values were written to `values`, which is aligned for f32.
#[unsafe(no_mangle)]
unsafe extern "C" fn vector(kind: u32, layer: u32, values: *const u8, count: usize) -> u32 {
    run(|module| {
        // SAFETY: as the caller promises.
        let values = unsafe { List(values, count).read::<f32>() };
        module
            .builder()?
            .vector(tensor(kind, layer)?, values.to_vec())?;
        Ok(())
    })
}

/// Completes the model with [`CAPACITY_WORDS`] words of capacity and `count` angles, each cosine and sine.
///
/// # Safety
/// The words and the angles were written to `capacity` and `angles`, which are aligned for u32 and f32.
#[unsafe(no_mangle)]
unsafe extern "C" fn build(capacity: *const u32, angles: *const u8, count: usize) -> u32 {
    run(|module| {
        // SAFETY: as the caller promises.
        let capacity = unsafe { *capacity.cast::<[u32; CAPACITY_WORDS]>() };
        // SAFETY: as the caller promises.
        let angles = unsafe { List(angles, count).read::<[f32; 2]>() };
        let builder = module.builder.take().ok_or(NOT_LOADING)?;
        let builder = ManuallyDrop::into_inner(builder);
        let model = builder.build(Capacity::from_words(capacity), angles.to_vec())?;
        module.model = Some(Box::leak(Box::new(model)));
        Ok(())
    })
}

/// Lets only the first `threads` threads share the next steps. Returns the number of threads.
#[unsafe(no_mangle)]
extern "C" fn set_threads(threads: usize) -> usize {
    let set = |module: &mut Module| {
        let model = module.model()?;
        model.set_threads(threads);
        Ok(model.threads())
    };
    call(set).unwrap_or(1)
}

/// Writes `count` entries of a slot's block table, from index `first` on.
///
/// # Safety
/// The entries were written to `blocks`, which is aligned for u32.
#[unsafe(no_mangle)]
unsafe extern "C" fn set_blocks(slot: usize, first: usize, blocks: *const u8, count: usize) -> u32 {
    run(|module| {
        // SAFETY: as the caller promises.
        let blocks = unsafe { List(blocks, count).read::<u32>() };
        module.model()?.set_blocks(slot, first, blocks)?;
        Ok(())
    })
}

/// Copies `count` cache blocks.
#[unsafe(no_mangle)]
extern "C" fn copy_blocks(from: usize, to: usize, count: usize) -> u32 {
    run(|module| {
        module.model()?.copy_blocks(from, to, count)?;
        Ok(())
    })
}

/// Computes rows and returns the address of the logits [N, V] of the rows whose indices are in `outputs`.
///
/// # Safety
/// The rows and the indices were written to `rows` and `outputs`, which are aligned for u32.
#[unsafe(no_mangle)]
unsafe extern "C" fn step(
    rows: *const u8,
    row_count: usize,
    outputs: *const u8,
    output_count: usize,
) -> *const f32 {
    find(|module| {
        // SAFETY: as the caller promises.
        unsafe { module.read_step(List(rows, row_count), List(outputs, output_count)) };
        let (model, rows, outputs) = module.step()?;
        Ok(model.step(rows, outputs)?.as_ptr())
    })
}

/// Returns the address of the logits of more rows of the last step, which computed `rows`.
///
/// # Safety
/// As [`step`].
#[unsafe(no_mangle)]
unsafe extern "C" fn logits(
    rows: *const u8,
    row_count: usize,
    outputs: *const u8,
    output_count: usize,
) -> *const f32 {
    find(|module| {
        // SAFETY: as the caller promises.
        unsafe { module.read_step(List(rows, row_count), List(outputs, output_count)) };
        let (model, rows, outputs) = module.step()?;
        Ok(model.logits(rows, outputs)?.as_ptr())
    })
}

/// Looks rows up in the embedding, the first kernel of a step.
///
/// # Safety
/// As [`step`].
#[unsafe(no_mangle)]
unsafe extern "C" fn embed(rows: *const u8, row_count: usize) -> u32 {
    run(|module| {
        // SAFETY: as the caller promises.
        unsafe { module.read_step(List(rows, row_count), List(rows, 0)) };
        let (model, rows, _) = module.step()?;
        model.embed(rows)?;
        Ok(())
    })
}

/// Computes rows and returns the address of the residual stream [L + 1, T, C] after the embedding and each layer.
///
/// # Safety
/// As [`step`].
#[unsafe(no_mangle)]
unsafe extern "C" fn residuals(rows: *const u8, row_count: usize) -> *const f32 {
    find(|module| {
        // SAFETY: as the caller promises.
        unsafe { module.read_step(List(rows, row_count), List(rows, 0)) };
        let (model, rows, _) = module.step()?;
        let residuals = model.residuals(rows)?.concat();
        module.residuals = residuals;
        Ok(module.residuals.as_ptr())
    })
}

/// Runs a step and returns the address of [`KERNEL_TIME_VALUES`] values per kernel; [`kernel_count`] has their
/// number.
///
/// # Safety
/// As [`step`].
#[unsafe(no_mangle)]
unsafe extern "C" fn profile(
    rows: *const u8,
    row_count: usize,
    outputs: *const u8,
    output_count: usize,
) -> *const f64 {
    find(|module| {
        // SAFETY: as the caller promises.
        unsafe { module.read_step(List(rows, row_count), List(outputs, output_count)) };
        let (model, rows, outputs) = module.step()?;
        let times = model.profile(rows, outputs)?;
        module.kernel_times = times.iter().map(|time| time.to_values()).collect();
        Ok(module.kernel_times.as_ptr().cast())
    })
}

/// Returns the number of kernels of the latest profile.
#[unsafe(no_mangle)]
extern "C" fn kernel_count() -> usize {
    call(|module| Ok(module.kernel_times.len())).unwrap_or(0)
}

/// Returns the address of [`PART_TIME_VALUES`] values: the time of each part of the model since the last call.
#[unsafe(no_mangle)]
extern "C" fn take_times() -> *const f64 {
    find(|module| {
        let times = module.model()?.take_times();
        module.part_times = part_times_to_values(&times);
        Ok(module.part_times.as_ptr())
    })
}

fn tensor(kind: u32, layer: u32) -> CallResult<Tensor> {
    Tensor::from_words([kind, layer]).ok_or(CallError::Other("unknown tensor"))
}
