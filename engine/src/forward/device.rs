//! Adapters and devices: discovery, required features, and failure reports.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::DispatchDevice;
use burn::tensor::Device;
use burn::tensor::wgpu::{MemoryConfiguration, WgpuSetup, wgpu};

use super::error::ForwardError;
use super::gpu::Gpu;
use crate::platform::{BrowserAdapter, describe_cpu_path};
use llamaglass_types::{Backend, BackendInfo, ForwardPath, LoadOptions, limit};

/// Subgroups feature, in WebGPU's spelling.
const SUBGROUPS: &str = "subgroups";
/// Maximum number of kernels that the runtime encodes before it submits them.
const TASKS_MAX: usize = 4096;

/// Failures that the device reported outside any call.
#[derive(Clone, Debug, Default)]
pub struct Failures(Arc<Mutex<Reported>>);

#[derive(Debug, Default)]
struct Reported {
    /// First failure that has not been taken yet.
    first: Option<String>,
    /// True if any failure was ever reported.
    any: bool,
}

impl Failures {
    fn report(&self, message: String) {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reported.any = true;
        reported.first.get_or_insert(message);
    }

    /// Fails with the first failure reported since the last call.
    pub fn check(&self) -> Result<(), ForwardError> {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match reported.first.take() {
            Some(message) => Err(ForwardError::Device { message }),
            None => Ok(()),
        }
    }

    fn any(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).any
    }
}

/// An open device and its description.
#[derive(Clone, Debug)]
pub struct OpenDevice {
    /// Handle for burn; `None` on the CPU's fast path, which does not use burn.
    pub device: Option<Device>,
    /// Launches the fast path's kernels; `None` on the CPU backend.
    pub gpu: Option<Rc<Gpu>>,
    /// Description of the device.
    pub info: BackendInfo,
    /// Failures that it reports outside any call.
    pub failures: Failures,
}

/// Opens the CPU: our own kernels compute there, or burn-flex on the reference path.
pub fn open_cpu(options: &LoadOptions, fallback_reason: Option<String>) -> OpenDevice {
    let ours = options.path != Some(ForwardPath::Reference);
    let described = ours.then(|| describe_cpu_path(options.instruction_set, options.threads));
    OpenDevice {
        device: (!ours).then(reference_device).flatten(),
        gpu: None,
        info: BackendInfo {
            backend: Backend::Cpu,
            api: "CPU".into(),
            adapter: "CPU".into(),
            driver: if ours { "llamaglass-cpu" } else { "burn-flex" }.into(),
            software: true,
            features: Vec::new(),
            limits: Vec::new(),
            fallback_reason,
            threads: described.map(|(_, threads)| threads),
            instruction_set: described.map(|(set, _)| set),
        },
        failures: Failures::default(),
    }
}

/// Returns the device of the reference path on the CPU.
fn reference_device() -> Option<Device> {
    #[cfg(feature = "reference")]
    {
        Some(Device::flex())
    }
    #[cfg(not(feature = "reference"))]
    None
}

/// An adapter with its instance and description.
pub type Adapter = (wgpu::Instance, wgpu::Adapter, BackendInfo);

/// Finds an adapter (one whose name contains `name`, or the system's choice) and describes it.
///
/// # Errors
/// [`ForwardError::NoAdapter`], [`ForwardError::UnknownAdapter`] or [`ForwardError::MissingFeature`].
pub async fn find_adapter(name: Option<&str>) -> Result<Adapter, ForwardError> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::PRIMARY,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let browser = BrowserAdapter::observe();
    let adapter = match name {
        None => request(&instance).await?,
        Some(name) => by_name(&instance, name).await?,
    };
    let mut info = describe(&adapter);
    if let Some(told) = browser.info() {
        if info.adapter.is_empty() {
            info.adapter = told.name.unwrap_or_else(|| "unnamed adapter".into());
            info.software |= is_software(&info.adapter);
        }
        if told.subgroups {
            info.features.push(SUBGROUPS.into());
        }
    }
    if !adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
        return Err(ForwardError::MissingFeature {
            adapter: info.adapter,
            missing: "the feature timestamp-query".into(),
        });
    }
    Ok((instance, adapter, info))
}

async fn request(instance: &wgpu::Instance) -> Result<wgpu::Adapter, ForwardError> {
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    instance
        .request_adapter(&options)
        .await
        .map_err(|error| ForwardError::NoAdapter {
            message: error.to_string(),
        })
}

/// Lists the adapters of the system's native APIs, for programs that offer a choice. A browser lists none.
pub async fn adapters() -> Vec<BackendInfo> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::PRIMARY,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    found.iter().map(describe).collect()
}

async fn by_name(instance: &wgpu::Instance, name: &str) -> Result<wgpu::Adapter, ForwardError> {
    let wanted = name.to_lowercase();
    let adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    let names: Vec<String> = adapters.iter().map(|a| describe(a).adapter).collect();
    adapters
        .into_iter()
        .find(|adapter| describe(adapter).adapter.to_lowercase().contains(&wanted))
        .ok_or_else(|| {
            if names.is_empty() {
                ForwardError::NoAdapter {
                    message: "the system lists none".into(),
                }
            } else {
                ForwardError::UnknownAdapter {
                    wanted: name.into(),
                    found: names,
                }
            }
        })
}

/// Name fragments that identify software rasterisers.
const SOFTWARE: [&str; 5] = [
    "swiftshader",
    "llvmpipe",
    "lavapipe",
    "softpipe",
    "basic render",
];

fn is_software(name: &str) -> bool {
    let lower = name.to_lowercase();
    SOFTWARE.iter().any(|part| lower.contains(part))
}

/// Describes an adapter from wgpu's information. The name may be empty.
fn describe(adapter: &wgpu::Adapter) -> BackendInfo {
    let info = adapter.get_info();
    let features = adapter.features();
    let limits = adapter.limits();
    let named = [
        (wgpu::Features::TIMESTAMP_QUERY, "timestamp-query"),
        (wgpu::Features::SUBGROUP, SUBGROUPS),
        (wgpu::Features::SHADER_F16, "shader-f16"),
    ];
    BackendInfo {
        backend: Backend::Wgpu,
        api: format!("{:?}", info.backend),
        adapter: info.name.clone(),
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .to_owned(),
        software: info.device_type == wgpu::DeviceType::Cpu || is_software(&info.name),
        features: named
            .iter()
            .filter(|(feature, _)| features.contains(*feature))
            .map(|(_, name)| (*name).to_owned())
            .collect(),
        limits: vec![
            (
                limit::STORAGE_BINDING.into(),
                limits.max_storage_buffer_binding_size,
            ),
            (limit::BUFFER.into(), limits.max_buffer_size),
            (
                "maxComputeWorkgroupStorageSize".into(),
                limits.max_compute_workgroup_storage_size.into(),
            ),
            (
                "maxComputeInvocationsPerWorkgroup".into(),
                limits.max_compute_invocations_per_workgroup.into(),
            ),
        ],
        fallback_reason: None,
        threads: None,
        instruction_set: None,
    }
}

thread_local! {
    /// Devices that this thread has opened, one per adapter, kept for later models because the runtime never
    /// releases a device. Never dropped: when a thread ends, things that closing a device needs may already
    /// be gone.
    static OPENED: RefCell<ManuallyDrop<Vec<OpenDevice>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// Opens a wgpu device for burn on the adapter that [`find_adapter`] returned, or reuses the one that this
/// thread opened before unless it has failed since.
///
/// # Errors
/// [`ForwardError::NoDevice`] if adapter or runtime refuse.
pub async fn open_wgpu(found: Adapter) -> Result<OpenDevice, ForwardError> {
    let opened = OPENED.with_borrow_mut(|all| {
        all.retain(|open| !open.failures.any());
        all.iter().find(|open| open.info == found.2).cloned()
    });
    if let Some(open) = opened {
        // Free the memory of the previous model.
        if let Some(device) = &open.device {
            device.memory_cleanup();
        }
        return Ok(open);
    }
    let open = open_new(found).await?;
    OPENED.with_borrow_mut(|all| all.push(open.clone()));
    Ok(open)
}

async fn open_new((instance, adapter, info): Adapter) -> Result<OpenDevice, ForwardError> {
    let refused = |message: String| ForwardError::NoDevice {
        adapter: info.adapter.clone(),
        message,
    };
    let descriptor = wgpu::DeviceDescriptor {
        // The runtime compiles for the adapter's features, so enable all of them except the one that
        // slows every buffer down.
        required_features: adapter
            .features()
            .difference(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS),
        required_limits: adapter.limits(),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        // SAFETY: experimental features are only switched on; none is used by our own code.
        experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
        ..Default::default()
    };
    let (device, queue) = adapter
        .request_device(&descriptor)
        .await
        .map_err(|error| refused(error.to_string()))?;
    let failures = Failures::default();
    let uncaptured = failures.clone();
    device.on_uncaptured_error(Arc::new(move |error| uncaptured.report(error.to_string())));
    let lost = failures.clone();
    device.set_device_lost_callback(move |reason, message| {
        // Dropping a device on purpose is not a failure.
        if reason != wgpu::DeviceLostReason::Destroyed {
            lost.report(format!("the GPU device was lost: {message}"));
        }
    });
    let backend = adapter.get_info().backend;
    let (own_device, own_queue) = (device.clone(), queue.clone());
    let device = Device::wgpu_options()
        .setup(WgpuSetup {
            instance,
            adapter,
            device,
            queue,
            backend,
        })
        .tasks_max(TASKS_MAX)
        // One buffer per allocation, as in a browser: a launch must not bind one buffer both for reading and
        // for writing.
        .memory_config(MemoryConfiguration::ExclusivePages)
        .init()
        .map_err(|error| refused(error.to_string()))?;
    let subgroups = info.features.iter().any(|feature| feature == SUBGROUPS);
    let gpu = match device.as_dispatch() {
        DispatchDevice::Cube(cube) => {
            Some(Gpu::new(cube.client(), own_device, own_queue, subgroups).await?)
        }
        #[cfg(feature = "reference")]
        _ => None,
    };
    Ok(OpenDevice {
        device: Some(device),
        gpu,
        info,
        failures,
    })
}
