//! The product of matrices, where it is built in.

use burn::tensor::Tensor;

/// a [.., M, K] times b [.., K, N].
#[cfg(not(target_arch = "wasm32"))]
pub fn matmul<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    a.matmul(b)
}

/// a [.., M, K] times b [.., K, N], on the CPU: burn's products for GPUs are a third of a page's
/// WebAssembly, and in a page the GPU computes with our own kernels only.
#[cfg(target_arch = "wasm32")]
pub fn matmul<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    use burn::backend::ops::FloatTensorOps;
    use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind, Flex};

    let (a, b) = (a.into_dispatch(), b.into_dispatch());
    match (a.kind, b.kind) {
        (
            DispatchTensorKind::Flex(BackendTensor::Float(left)),
            DispatchTensorKind::Flex(BackendTensor::Float(right)),
        ) => Tensor::from_dispatch(DispatchTensor {
            kind: DispatchTensorKind::Flex(BackendTensor::Float(Flex::float_matmul(left, right))),
            autodiff: a.autodiff,
        }),
        _ => unreachable!("in a page the reference path is made for the CPU only"),
    }
}
