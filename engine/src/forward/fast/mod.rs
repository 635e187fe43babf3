//! The fast path: our own kernels over buffers that are allocated once; the decode step and the picks
//! are recorded once and replayed.

mod buffers;
mod layer;
mod load;
mod matrix;
mod pack;
mod picks;

use burn::backend::{BackendTensor, DispatchAutodiffContext, DispatchDevice, DispatchTensor};
use burn::backend::{DispatchTensorKind, cubecl::Device as CubeDevice};
use burn::tensor::{DType, Device, Tensor};
use burn_wgpu::CubeTensor;
use cubecl::bytes::Bytes;
use cubecl::client::{Client, Graph};
use cubecl::server::Handle;
use llamaglass_shaders::{Sampling, Way, embed};

use super::error::ForwardError;
use super::kernel::{Launcher, Window, flat};
use super::model::LogitRows;
use super::pick::{PickRead, PickWay};
use super::rope::frequencies;
use super::shape::Shape;
use crate::weights::ModelConfig;
use buffers::{Buffers, Step};
use layer::{Layer, Norm, Weights};
pub use load::load;
use matrix::{After, Matrix, To};
use picks::Picks;

/// Weights, tables, KV cache and buffers of the fast path, for one sequence.
pub struct Fast {
    client: Client,
    launcher: Launcher,
    device: CubeDevice,
    buffers: Buffers,
    /// [V, C], where it fits one buffer.
    embedding: Option<Matrix>,
    layers: Vec<Layer>,
    norm: Norm,
    /// The output matrix, in row shards, and the column of the logits where each begins.
    head: Vec<(Matrix, usize)>,
    /// [S, D/2] of cosine and sine.
    angles: Handle,
    picks: Picks,
    recorded: Recorded,
    /// Blocks of a prompt's rows that are submitted at once.
    blocks_a_submit: usize,
}

/// All of a model's weights, on the device.
pub struct Parameters {
    /// [V, C], where it fits one buffer.
    embedding: Option<Matrix>,
    /// In the order in which they compute.
    blocks: Vec<Weights>,
    /// After the last block.
    norm: Norm,
    /// The output matrix [V, C], in row shards, and the row where each begins.
    head: Vec<(Matrix, usize)>,
}

/// What is replayed; what the runtime could not record is launched, kernel by kernel.
#[derive(Default)]
struct Recorded {
    decode: Option<Graph>,
    argmax: Option<Graph>,
    sample: Option<Graph>,
}

impl Recorded {
    const fn all(&self) -> bool {
        self.decode.is_some() && self.argmax.is_some() && self.sample.is_some()
    }
}

impl std::fmt::Debug for Fast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fast")
            .field("layers", &self.layers.len())
            .field("replays", &self.recorded.all())
            .finish_non_exhaustive()
    }
}

impl Fast {
    /// A path over the weights, with room for `shape`; `software` is whether the adapter is a
    /// program on the CPU.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] where the weights are not on a GPU.
    pub(super) fn new(
        config: &ModelConfig,
        parameters: Parameters,
        device: &Device,
        shape: Shape,
        software: bool,
    ) -> Result<Self, ForwardError> {
        let DispatchDevice::Cube(cube) = device.as_dispatch() else {
            return Err(not_on_a_gpu());
        };
        let client = cube.client();
        let Parameters {
            embedding,
            blocks,
            norm,
            head,
        } = parameters;
        let layer = |weights| Layer::new(weights, config, shape, &client);
        let ways = (one_row(software), splits(software, shape.context));
        Ok(Self {
            device: cube.clone(),
            buffers: Buffers::new(config, shape, ways, &client),
            embedding,
            layers: blocks.into_iter().map(layer).collect(),
            norm,
            head,
            angles: client.create(Bytes::from_elems(angles(config, shape.context))),
            picks: Picks::new(config.vocab_size, &client),
            recorded: Recorded::default(),
            blocks_a_submit: config.n_layers,
            launcher: Launcher::new(client.clone()),
            client,
        })
    }

    /// Puts a step's ids and position on the device, or the rows [T, C] that the host looked up.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where there are more ids than the buffers have room for.
    pub fn upload(
        &mut self,
        ids: &[u32],
        position: usize,
        rows: Option<Vec<f32>>,
    ) -> Result<Option<Handle>, ForwardError> {
        let room = self.buffers.rows;
        if ids.len() > room {
            return Err(ForwardError::Device {
                message: format!(
                    "a step of {} ids, where there is room for {room}",
                    ids.len()
                ),
            });
        }
        let bytes = self.buffers.step_bytes(ids, position);
        self.client
            .write(&self.buffers.step, Bytes::from_bytes_vec(bytes));
        Ok(rows.map(|rows| self.client.create(Bytes::from_elems(rows))))
    }

    /// Whether the device looks the ids up itself, so that a step can begin from what it picked.
    pub const fn looks_up(&self) -> bool {
        self.embedding.is_some()
    }

    /// Puts a request's sampling settings on the device.
    pub fn begin(&self, sampling: &Sampling, occurrences: &[u32]) {
        self.picks.begin(&self.client, sampling, occurrences);
    }

    /// Issues a step over the `tokens` that were uploaded, or with nothing uploaded over the one that
    /// was picked last: writes the cache, and picks an id where one is wanted.
    pub fn advance(
        &self,
        rows_from_host: Option<Handle>,
        tokens: usize,
        pick: Option<PickWay>,
    ) -> Result<(), ForwardError> {
        match (pick, rows_from_host) {
            (Some(_), None) if tokens == 1 => {
                self.replay(self.recorded.decode.as_ref(), || self.launch_decode())?;
            }
            (pick, rows) => {
                let x = rows.unwrap_or_else(|| self.embed(tokens));
                let step = Step { x, tokens };
                self.blocks(&step);
                if pick.is_some() {
                    self.output(&step, tokens - 1, 1, &self.buffers.logits);
                }
            }
        }
        let Some(way) = pick else { return Ok(()) };
        let recorded = match way {
            PickWay::Argmax => &self.recorded.argmax,
            PickWay::Sample => &self.recorded.sample,
        };
        self.replay(recorded.as_ref(), || self.launch_pick(way))
    }

    /// Submits all that was issued; what was picked last is to be read.
    pub fn read_pick(&self) -> PickRead {
        self.picks.read(&self.client)
    }

    /// Issues a step over the `tokens` that were uploaded: writes the cache, gives the wanted
    /// logits [rows, V]. Those of the last row are overwritten by the next step.
    pub fn encode(
        &self,
        rows_from_host: Option<Handle>,
        tokens: usize,
        rows: LogitRows,
    ) -> Option<Tensor<2>> {
        let x = rows_from_host.unwrap_or_else(|| self.embed(tokens));
        let step = Step { x, tokens };
        self.blocks(&step);
        let (count, first) = match rows {
            LogitRows::None => return None,
            LogitRows::Last => (1, tokens - 1),
            LogitRows::All => (tokens, 0),
        };
        let logits = if count == 1 {
            self.buffers.logits.clone()
        } else {
            self.client.empty(count * self.buffers.vocab * 4)
        };
        self.output(&step, first, count, &logits);
        Some(self.logits(logits, count))
    }

    /// The residual stream [T, C] after the embedding of the `tokens` that were uploaded, and after
    /// each block.
    pub async fn residuals(
        &self,
        rows_from_host: Option<Handle>,
        tokens: usize,
    ) -> Result<Vec<Vec<f32>>, ForwardError> {
        let x = rows_from_host.unwrap_or_else(|| self.embed(tokens));
        let step = Step { x, tokens };
        let mut all = vec![self.read_rows(&step).await?];
        for layer in &self.layers {
            layer.launch(&self.launcher, &self.buffers, &step, &self.angles);
            all.push(self.read_rows(&step).await?);
        }
        Ok(all)
    }

    async fn read_rows(&self, step: &Step) -> Result<Vec<f32>, ForwardError> {
        let read = self.client.read_async(vec![step.x.clone()]).await;
        let bytes = read.map_err(|error| ForwardError::Device {
            message: format!("the residual stream could not be read: {error:?}"),
        })?;
        let values = bytes.iter().flat_map(|bytes| bytes.as_chunks().0);
        let values = values.map(|word| f32::from_le_bytes(*word));
        Ok(values.take(step.tokens * self.buffers.c).collect())
    }

    fn replay(&self, recorded: Option<&Graph>, launch: impl Fn()) -> Result<(), ForwardError> {
        let Some(graph) = recorded else {
            launch();
            return Ok(());
        };
        // SAFETY: every buffer that the recorded launches read and write belongs to `self`, which
        // outlives the graph, and is neither moved nor freed.
        unsafe { graph.replay() }.map_err(|error| ForwardError::Device {
            message: format!("a recorded step could not be replayed: {error:?}"),
        })
    }

    /// Records the decode step and the picks, as far as the runtime can. Their kernels must have
    /// run before, or recording would compile them; and an id must be uploaded, which is run.
    pub fn record(&mut self) {
        let decode = self
            .looks_up()
            .then(|| self.capture(|| self.launch_decode()));
        let pick = |way| self.capture(|| self.launch_pick(way));
        self.recorded = Recorded {
            decode: decode.flatten(),
            argmax: pick(PickWay::Argmax),
            sample: pick(PickWay::Sample),
        };
    }

    fn capture(&self, launch: impl Fn()) -> Option<Graph> {
        self.client.graph_prepare().ok()?;
        // What runs between prepare and start is not recorded, and must be what is.
        launch();
        self.client.start_capture().ok()?;
        launch();
        self.client.stop_capture().ok()
    }

    /// Launches a step over the `tokens` that were uploaded and the pick behind it, each kernel in a
    /// window of its own on the device's clock.
    pub fn profile(&self, tokens: usize) -> Result<Vec<Window>, ForwardError> {
        self.launcher.open_windows();
        let x = self.embed(tokens);
        let step = Step { x, tokens };
        self.blocks(&step);
        self.output(&step, tokens - 1, 1, &self.buffers.logits);
        self.launch_pick(PickWay::Argmax);
        self.launcher.close_windows()
    }

    fn launch_pick(&self, way: PickWay) {
        self.picks.launch(&self.launcher, &self.buffers, way);
    }

    fn launch_decode(&self) {
        let x = self.embed(1);
        let step = Step { x, tokens: 1 };
        self.blocks(&step);
        self.output(&step, 0, 1, &self.buffers.logits);
    }

    /// Looks the uploaded ids up; gives the residual stream [T, C].
    fn embed(&self, tokens: usize) -> Handle {
        let Buffers { step, x, c, .. } = &self.buffers;
        if let Some(embedding) = &self.embedding {
            let Matrix {
                format,
                blocks,
                quants,
                side,
                ..
            } = embedding;
            let kernel = embed(*format);
            let groups = flat(&kernel, tokens * blocks);
            let info = [tokens, *c, *blocks].map(|n| n as u32);
            let buffers = [step, quants, side, x];
            self.launcher.launch(&kernel, &buffers, &info, groups);
        }
        x.clone()
    }

    /// Submits so many blocks of a prompt's rows at once that they take about `most_ms`, where a whole
    /// step takes `step_ms`.
    pub fn pace(&mut self, step_ms: f64, most_ms: f64) {
        let layers = self.layers.len();
        self.blocks_a_submit = ((layers as f64 * most_ms / step_ms) as usize).clamp(1, layers);
    }

    fn blocks(&self, step: &Step) {
        for (index, layer) in self.layers.iter().enumerate() {
            if step.tokens > 1 && index > 0 && index.is_multiple_of(self.blocks_a_submit) {
                // What refuses here refuses whoever waits for the step, too.
                let _reported_later = self.client.flush();
            }
            layer.launch(&self.launcher, &self.buffers, step, &self.angles);
        }
    }

    /// The logits of `count` rows of the residual stream, from row `first` on.
    fn output(&self, step: &Step, first: usize, count: usize, logits: &Handle) {
        let buffers = &self.buffers;
        self.norm
            .launch(&self.launcher, &step.x, first, count, &buffers.normed);
        for (shard, column) in &self.head {
            let to = To {
                y: logits,
                stride: buffers.vocab,
                column: *column,
                add: false,
            };
            let rows = (&buffers.normed, count);
            shard.launch(&self.launcher, buffers.one_row, rows, &to, &After::Nothing);
        }
    }

    fn logits(&self, handle: Handle, rows: usize) -> Tensor<2> {
        let shape = [rows, self.buffers.vocab].into();
        let tensor = CubeTensor::new_contiguous(
            self.client.clone(),
            self.device.clone(),
            shape,
            handle,
            DType::F32,
        );
        Tensor::from_dispatch(DispatchTensor {
            kind: DispatchTensorKind::Cube(BackendTensor::Float(tensor)),
            autodiff: DispatchAutodiffContext::Disabled,
        })
    }
}

/// How a product with one row is computed. Both were measured on adapters that are programs on a
/// CPU, with a matrix [3072, 576] in Q4_1: an invocation for eight columns took 1.3 ms on lavapipe
/// and 2.1 on SwiftShader, a workgroup for eight columns 4.3 on lavapipe. On a GPU neither was
/// measured yet.
fn one_row(software: bool) -> Way {
    if software { Way::Lane } else { Way::Workgroup }
}

/// How many workgroups share a row's positions in attention: without sharing, a GPU would have as
/// many at work as there are heads of keys. A program on a CPU has enough with those.
fn splits(software: bool, context: usize) -> usize {
    if software {
        1
    } else {
        (context / 128).clamp(1, 16)
    }
}

/// Cosine and sine [S, D/2, 2] of every position and pair.
fn angles(config: &ModelConfig, context: usize) -> Vec<f32> {
    let frequencies = frequencies(config);
    let mut angles = Vec::with_capacity(2 * context * frequencies.len());
    for position in 0..context {
        for frequency in &frequencies {
            // In f64: in f32 position 8000 would cost three digits.
            let (sin, cos) = (position as f64 * frequency).sin_cos();
            angles.extend([cos as f32, sin as f32]);
        }
    }
    angles
}

/// What launches on `device`.
fn client_of(device: &Device) -> Result<Client, ForwardError> {
    match device.as_dispatch() {
        DispatchDevice::Cube(cube) => Ok(cube.client()),
        _ => Err(not_on_a_gpu()),
    }
}

fn not_on_a_gpu() -> ForwardError {
    ForwardError::NoPath {
        path: "fast",
        why: "its weights are not on a GPU".into(),
    }
}
