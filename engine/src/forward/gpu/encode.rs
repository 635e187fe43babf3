//! Launches kernels, records launches, and encodes them.

use llamaglass_shaders::Kernel;
use llamaglass_shaders::params::Params;
use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, CommandBuffer, CommandEncoder,
    CommandEncoderDescriptor, ComputePass, ComputePassDescriptor, ComputePipeline,
};

use super::pipelines::Pipeline;
use super::stages::{DeviceStage, Stages};
use super::{Buffer, Gpu, Work};

/// Maximum number of workgroups per row when a flat range is spread over rows of workgroups.
const GROUPS_PER_ROW: u32 = 32_768;

/// Returns the workgroups for `invocations` of a kernel that numbers them across rows of workgroups.
pub fn flat(kernel: &Kernel, invocations: usize) -> [u32; 3] {
    let groups = (invocations as u32).div_ceil(kernel.workgroup_size[0]);
    let row = groups.clamp(1, GROUPS_PER_ROW);
    [row, groups.div_ceil(row), 1]
}

/// A kernel launch with everything needed to encode it.
pub(super) struct Launch {
    pub kernel: Kernel,
    pub work: Work,
    pipeline: ComputePipeline,
    bind_group: BindGroup,
    groups: [u32; 3],
    /// Keeps the bound buffers alive.
    _buffers: Vec<Buffer>,
}

impl Launch {
    /// Encodes the launch. `last` is the pipeline that the pass already has set.
    pub fn encode<'a>(&'a self, pass: &mut ComputePass<'_>, last: Option<&'a ComputePipeline>) {
        if last != Some(&self.pipeline) {
            pass.set_pipeline(&self.pipeline);
        }
        pass.set_bind_group(0, &self.bind_group, &[]);
        let [x, y, z] = self.groups;
        pass.dispatch_workgroups(x, y, z);
    }
}

/// Captured launches, for replay.
///
/// Keeps the buffers that they read and write alive.
pub struct CapturedGraph {
    pub(super) launches: Vec<Launch>,
}

impl std::fmt::Debug for CapturedGraph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CapturedGraph of {} launches", self.launches.len())
    }
}

/// Determines what happens to launches.
#[derive(Default)]
pub(super) enum Mode {
    /// Encode them.
    #[default]
    Encode,
    /// Collect them.
    Capture(Vec<Launch>),
    /// Compile their kernels in the background.
    Compile,
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
    /// Launches `kernel` on `buffers`, in binding order, with `params`.
    pub fn launch<P: Params>(
        &self,
        kernel: &Kernel,
        buffers: &[&Buffer],
        params: &P,
        groups: [u32; 3],
    ) {
        self.launch_for(Work::default(), kernel, buffers, params, groups);
    }

    /// Launches `kernel` like [`Gpu::launch`], and attributes `work` to it.
    pub fn launch_for<P: Params>(
        &self,
        work: Work,
        kernel: &Kernel,
        buffers: &[&Buffer],
        params: &P,
        groups: [u32; 3],
    ) {
        debug_assert_eq!(kernel.params, P::LAYOUT, "{}", kernel.label());
        let mut mode = self.mode.borrow_mut();
        if matches!(*mode, Mode::Compile) {
            self.pipelines.prepare(kernel);
            return;
        }
        let pipeline = self.pipelines.get(kernel);
        let launch = Launch {
            kernel: *kernel,
            work,
            bind_group: self.bind_group(&pipeline, buffers, bytemuck::bytes_of(params)),
            pipeline: pipeline.compute,
            groups,
            _buffers: buffers.iter().map(|buffer| (*buffer).clone()).collect(),
        };
        match &mut *mode {
            Mode::Capture(launches) => launches.push(launch),
            _ => self.encode([&launch]),
        }
    }

    /// Binds `params` to 0, unless they are empty, and `buffers` from 1 on.
    fn bind_group(&self, pipeline: &Pipeline, buffers: &[&Buffer], params: &[u8]) -> BindGroup {
        let params = (!params.is_empty()).then(|| self.params_buffer(params));
        let params = params.as_ref().map(|buffer| BindGroupEntry {
            binding: 0,
            resource: buffer.as_entire_binding(),
        });
        let buffers = (1..).zip(buffers).map(|(binding, buffer)| BindGroupEntry {
            binding,
            resource: buffer.resource().as_wgpu_bind_resource(),
        });
        let entries: Vec<BindGroupEntry<'_>> = params.into_iter().chain(buffers).collect();
        self.device.create_bind_group(&BindGroupDescriptor {
            label: None,
            layout: &pipeline.layout,
            entries: &entries,
        })
    }

    /// Times later launches under `stage`.
    pub fn stage(&self, stage: DeviceStage) {
        self.encoding.borrow_mut().set_stage(Some(stage));
    }

    /// Captures the launches of `launch` instead of encoding them.
    pub fn capture(&self, launch: impl FnOnce()) -> CapturedGraph {
        self.mode.replace(Mode::Capture(Vec::new()));
        launch();
        let launches = match self.mode.take() {
            Mode::Capture(launches) => launches,
            Mode::Encode | Mode::Compile => Vec::new(),
        };
        CapturedGraph { launches }
    }

    /// Starts compiling the kernels that `launch` launches, without encoding anything.
    pub fn precompile(&self, launch: impl FnOnce()) {
        self.mode.replace(Mode::Compile);
        launch();
        self.mode.take();
    }

    /// Encodes the captured launches.
    pub fn replay(&self, graph: &CapturedGraph) {
        self.encode(&graph.launches);
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
