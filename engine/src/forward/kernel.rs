//! Launching our own kernels.

use std::cell::RefCell;

use burn_wgpu::{CubeDim, KernelSource, SourceKernel, SourceTemplate};
use cubecl::client::Client;
use cubecl::prelude::{BufferIOAttr, CubeCount, KernelId};
use cubecl::profile::ProfileDuration;
use cubecl::server::{Handle, KernelArguments, MetadataBindingInfo, ProfileError};
use llamaglass_shaders::Kernel;

use super::error::ForwardError;

/// The most workgroups of one dimension that invocations of a flat range are spread over.
const GROUPS_A_ROW: u32 = 32_768;

#[derive(Clone, Copy, Debug)]
struct Source(Kernel);

impl KernelSource for Source {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.0.source())
    }

    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info(self.0.name)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Issues `kernel` over its `buffers`, in the order of its bindings, and its `info`.
pub fn launch(
    client: &Client,
    kernel: &Kernel,
    buffers: &[&Handle],
    info: &[u32],
    groups: [u32; 3],
) {
    let mut arguments = KernelArguments::new();
    for buffer in buffers {
        // Both ways always: natively, buffers of one launch may lie in one allocation.
        arguments = arguments.with_buffer_io((*buffer).clone().binding(), BufferIOAttr::ReadWrite);
    }
    // A word of the runtime is 64 bits, one of ours 32: low half first.
    let pair = |pair: &[u32]| {
        let high = pair.get(1).copied().map_or(0, u64::from);
        high << 32 | u64::from(pair[0])
    };
    let words = info.chunks(2).map(pair).collect();
    let arguments = arguments.with_info(MetadataBindingInfo::custom(words));
    let [x, y, z] = kernel.workgroup_size;
    let source = SourceKernel::new(Source(*kernel), CubeDim::new_3d(x, y, z));
    let [x, y, z] = groups;
    client.launch(Box::new(source), CubeCount::Static(x, y, z), arguments);
}

/// Launches kernels one after the other, and times each where somebody asks.
pub struct Launcher {
    client: Client,
    /// Those of the launches since windows were opened.
    windows: RefCell<Option<Vec<Opened>>>,
}

type Opened = (Kernel, Result<ProfileDuration, ProfileError>);

/// What a launch took on the device's clock.
pub struct Window {
    /// Which kernel.
    pub kernel: Kernel,
    duration: ProfileDuration,
}

impl Window {
    /// Waits for it: milliseconds; none where the device wrote no timestamps.
    pub async fn ms(self) -> Option<f64> {
        let ticks = self.duration.resolve().await?;
        Some(ticks.duration().as_secs_f64() * 1e3)
    }
}

impl Launcher {
    /// Launches on `client`.
    pub const fn new(client: Client) -> Self {
        Self {
            client,
            windows: RefCell::new(None),
        }
    }

    /// [`launch`].
    pub fn launch(&self, kernel: &Kernel, buffers: &[&Handle], info: &[u32], groups: [u32; 3]) {
        let client = &self.client;
        let mut windows = self.windows.borrow_mut();
        let Some(windows) = windows.as_mut() else {
            launch(client, kernel, buffers, info, groups);
            return;
        };
        let window = client.profile_start();
        launch(client, kernel, buffers, info, groups);
        windows.push((
            *kernel,
            window.and_then(|window| client.profile_end(window)),
        ));
    }

    /// From here on each launch has a window of its own: a pass, a submit and a readback each.
    pub fn open_windows(&self) {
        self.windows.replace(Some(Vec::new()));
    }

    /// The windows of the launches since they were opened.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device could not time one.
    pub fn close_windows(&self) -> Result<Vec<Window>, ForwardError> {
        let windows = self.windows.take().unwrap_or_default();
        let window = |(kernel, duration): Opened| match duration {
            Ok(duration) => Ok(Window { kernel, duration }),
            Err(error) => Err(ForwardError::Device {
                message: format!("{} could not be timed: {error:?}", kernel.label()),
            }),
        };
        windows.into_iter().map(window).collect()
    }
}

/// Workgroups for `invocations` of a kernel that counts them over rows of workgroups.
pub fn flat(kernel: &Kernel, invocations: usize) -> [u32; 3] {
    let groups = (invocations as u32).div_ceil(kernel.workgroup_size[0]);
    let row = groups.clamp(1, GROUPS_A_ROW);
    [row, groups.div_ceil(row), 1]
}
