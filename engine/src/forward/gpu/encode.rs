//! Launches kernels, records launches, and encodes them.

use llamaglass_shaders::Kernel;
use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindingResource, CommandBuffer, CommandEncoder,
    CommandEncoderDescriptor, ComputePass, ComputePassDescriptor, ComputePipeline,
};

use super::stages::{DeviceStage, Stages};
use super::{Buffer, Gpu, Work};

/// Maximum number of workgroups per row when a flat range is spread over rows of workgroups.
const GROUPS_A_ROW: u32 = 32_768;

/// Returns the workgroups for `invocations` of a kernel that numbers them across rows of workgroups.
pub fn flat(kernel: &Kernel, invocations: usize) -> [u32; 3] {
    let groups = (invocations as u32).div_ceil(kernel.workgroup_size[0]);
    let row = groups.clamp(1, GROUPS_A_ROW);
    [row, groups.div_ceil(row), 1]
}

/// A kernel launch with everything needed to encode it.
pub(super) struct Launch {
    pub kernel: Kernel,
    pub work: Work,
    pipeline: ComputePipeline,
    bound: BindGroup,
    groups: [u32; 3],
    /// Keeps the bound buffers alive.
    _held: Vec<Buffer>,
}

impl Launch {
    /// Encodes the launch. `last` is the pipeline that the pass already has set.
    pub fn encode<'a>(&'a self, pass: &mut ComputePass<'_>, last: Option<&'a ComputePipeline>) {
        if last != Some(&self.pipeline) {
            pass.set_pipeline(&self.pipeline);
        }
        pass.set_bind_group(0, &self.bound, &[]);
        let [x, y, z] = self.groups;
        pass.dispatch_workgroups(x, y, z);
    }
}

/// Recorded launches, for replay.
///
/// Keeps the buffers that they read and write alive.
pub struct Tape {
    pub(super) launches: Vec<Launch>,
}

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tape of {}", self.launches.len())
    }
}

/// Determines what happens to launches.
#[derive(Default)]
pub(super) enum Mode {
    /// Encode them.
    #[default]
    Issue,
    /// Collect them.
    Record(Vec<Launch>),
    /// Compile their kernels in the background.
    Plan,
}

/// Commands that are encoded but not submitted.
#[derive(Default)]
pub(super) struct Encoding {
    /// Declared before the encoder, since a pass ends when it is dropped.
    pass: Option<ComputePass<'static>>,
    encoder: Option<CommandEncoder>,
    /// Stage under which passes are timed.
    stage: Option<DeviceStage>,
}

impl Encoding {
    fn pass(&mut self, device: &wgpu::Device, stages: &Stages) -> &mut ComputePass<'static> {
        let encoder = self.encoder.get_or_insert_with(|| {
            device.create_command_encoder(&CommandEncoderDescriptor::default())
        });
        self.pass.get_or_insert_with(|| {
            encoder
                .begin_compute_pass(&ComputePassDescriptor {
                    label: self.stage.map(DeviceStage::name),
                    timestamp_writes: self.stage.and_then(|stage| stages.writes(stage)),
                })
                .forget_lifetime()
        })
    }

    /// Assigns later launches to `stage`.
    pub fn set_stage(&mut self, stage: Option<DeviceStage>) {
        self.pass = None;
        self.stage = stage;
    }

    /// Ends the pass and returns the commands, if any.
    pub fn finish(&mut self) -> Option<CommandBuffer> {
        self.pass = None;
        self.encoder.take().map(CommandEncoder::finish)
    }
}

impl Gpu {
    /// Launches `kernel` on `buffers`, in binding order, and on `info`, which is bound last.
    pub fn launch(&self, kernel: &Kernel, buffers: &[&Buffer], info: &[u32], groups: [u32; 3]) {
        self.launch_for(Work::default(), kernel, buffers, info, groups);
    }

    /// Launches `kernel` like [`Gpu::launch`], and attributes `work` to it.
    pub fn launch_for(
        &self,
        work: Work,
        kernel: &Kernel,
        buffers: &[&Buffer],
        info: &[u32],
        groups: [u32; 3],
    ) {
        let count = buffers.len() + 1;
        let mut mode = self.mode.borrow_mut();
        if matches!(*mode, Mode::Plan) {
            self.pipelines.prepare(kernel, count);
            return;
        }
        let info = self.info(info);
        let resources = buffers.iter().map(|b| b.place().as_wgpu_bind_resource());
        let resources = resources.chain([BindingResource::Buffer(info.as_entire_buffer_binding())]);
        let entries: Vec<BindGroupEntry<'_>> = (0..)
            .zip(resources)
            .map(|(binding, resource)| BindGroupEntry { binding, resource })
            .collect();
        let launch = Launch {
            kernel: *kernel,
            work,
            pipeline: self.pipelines.get(kernel, count),
            bound: self.device.create_bind_group(&BindGroupDescriptor {
                label: None,
                layout: &self.pipelines.layout(count),
                entries: &entries,
            }),
            groups,
            _held: buffers.iter().map(|buffer| (*buffer).clone()).collect(),
        };
        match &mut *mode {
            Mode::Record(launches) => launches.push(launch),
            _ => self.encode([&launch]),
        }
    }

    /// Times later launches under `stage`.
    pub fn stage(&self, stage: DeviceStage) {
        self.encoding.borrow_mut().set_stage(Some(stage));
    }

    /// Records the launches of `launch` instead of encoding them.
    pub fn record(&self, launch: impl FnOnce()) -> Tape {
        self.mode.replace(Mode::Record(Vec::new()));
        launch();
        let launches = match self.mode.take() {
            Mode::Record(launches) => launches,
            Mode::Issue | Mode::Plan => Vec::new(),
        };
        Tape { launches }
    }

    /// Starts compiling the kernels that `launch` launches, without encoding anything.
    pub fn plan(&self, launch: impl FnOnce()) {
        self.mode.replace(Mode::Plan);
        launch();
        self.mode.take();
    }

    /// Encodes the recorded launches.
    pub fn replay(&self, tape: &Tape) {
        self.encode(&tape.launches);
    }

    fn encode<'a>(&self, launches: impl IntoIterator<Item = &'a Launch>) {
        let mut encoding = self.encoding.borrow_mut();
        let pass = encoding.pass(&self.device, &self.stages);
        let mut last = None;
        for launch in launches {
            launch.encode(pass, last);
            last = Some(&launch.pipeline);
        }
    }
}
