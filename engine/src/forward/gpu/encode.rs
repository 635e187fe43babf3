//! Launching kernels, recording launches, and encoding them.

use llamaglass_shaders::Kernel;
use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindingResource, CommandBuffer, CommandEncoder,
    CommandEncoderDescriptor, ComputePass, ComputePassDescriptor, ComputePipeline,
};

use super::stages::{DeviceStage, Stages};
use super::{Buffer, Gpu, Work};

/// The most workgroups of one dimension that invocations of a flat range are spread over.
const GROUPS_A_ROW: u32 = 32_768;

/// Workgroups for `invocations` of a kernel that counts them over rows of workgroups.
pub fn flat(kernel: &Kernel, invocations: usize) -> [u32; 3] {
    let groups = (invocations as u32).div_ceil(kernel.workgroup_size[0]);
    let row = groups.clamp(1, GROUPS_A_ROW);
    [row, groups.div_ceil(row), 1]
}

/// A launch with all that it needs.
pub(super) struct Launch {
    pub kernel: Kernel,
    pub work: Work,
    pipeline: ComputePipeline,
    bound: BindGroup,
    groups: [u32; 3],
    /// What is bound.
    _held: Vec<Buffer>,
}

impl Launch {
    /// Encodes it; `last` is the pipeline that the pass has already.
    pub fn encode<'a>(&'a self, pass: &mut ComputePass<'_>, last: Option<&'a ComputePipeline>) {
        if last != Some(&self.pipeline) {
            pass.set_pipeline(&self.pipeline);
        }
        pass.set_bind_group(0, &self.bound, &[]);
        let [x, y, z] = self.groups;
        pass.dispatch_workgroups(x, y, z);
    }
}

/// Launches that were recorded, to be replayed.
///
/// It holds on to the memory that they read and write.
pub struct Tape {
    pub(super) launches: Vec<Launch>,
}

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tape of {}", self.launches.len())
    }
}

/// What becomes of launches.
#[derive(Default)]
pub(super) enum Mode {
    /// They are issued.
    #[default]
    Issue,
    /// They are kept.
    Record(Vec<Launch>),
    /// Their kernels are compiled, in the background.
    Plan,
}

/// What was encoded and not submitted yet.
#[derive(Default)]
pub(super) struct Encoding {
    /// Before the encoder: a pass ends when it is dropped.
    pass: Option<ComputePass<'static>>,
    encoder: Option<CommandEncoder>,
    /// The stage that passes are timed under.
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

    /// From here on launches belong to `stage`.
    pub fn set_stage(&mut self, stage: Option<DeviceStage>) {
        self.pass = None;
        self.stage = stage;
    }

    /// The commands, where there are any.
    pub fn finish(&mut self) -> Option<CommandBuffer> {
        self.pass = None;
        self.encoder.take().map(CommandEncoder::finish)
    }
}

impl Gpu {
    /// Issues `kernel` over its `buffers`, in the order of its bindings, and its `info`.
    pub fn launch(&self, kernel: &Kernel, buffers: &[&Buffer], info: &[u32], groups: [u32; 3]) {
        self.launch_for(Work::default(), kernel, buffers, info, groups);
    }

    /// The same, for `work`.
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

    /// From here on what is launched is timed under `stage`.
    pub fn stage(&self, stage: DeviceStage) {
        self.encoding.borrow_mut().set_stage(Some(stage));
    }

    /// Keeps what `launch` launches, instead of issuing it.
    pub fn record(&self, launch: impl FnOnce()) -> Tape {
        self.mode.replace(Mode::Record(Vec::new()));
        launch();
        let launches = match self.mode.take() {
            Mode::Record(launches) => launches,
            Mode::Issue | Mode::Plan => Vec::new(),
        };
        Tape { launches }
    }

    /// Begins to compile the kernels that `launch` launches, and issues nothing.
    pub fn plan(&self, launch: impl FnOnce()) {
        self.mode.replace(Mode::Plan);
        launch();
        self.mode.take();
    }

    /// Issues what was recorded.
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
