//! Matrix multiplication on the backends that are built in.

use burn::tensor::Tensor;

/// Multiplies a [.., M, K] by b [.., K, N].
#[cfg(feature = "gpu-reference")]
pub fn matmul<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    a.matmul(b)
}

/// Multiplies a [.., M, K] by b [.., K, N] on the CPU only, so that burn's GPU products are not linked.
#[cfg(not(feature = "gpu-reference"))]
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
        _ => unreachable!("without gpu-reference the reference path is made for the CPU only"),
    }
}
