//! Messages of errors in tensors, options and steps.

use super::*;
use crate::{LayerTensor, ModelBuilder, Tensor};

const QUERY: Tensor = Tensor::Layer(1, LayerTensor::Matrix(Projection::Query));

fn builder() -> ModelBuilder {
    let runtime = Runtime::new(None, 1, || 0.0).expect("a runtime");
    ModelBuilder::new(dimensions(), runtime)
}

/// Returns the message with which the builder rejects `bytes` bytes of `format`.
fn matrix_error(tensor: Tensor, format: Format, bytes: usize) -> String {
    let result = builder().matrix(tensor, format, &vec![0; bytes]);
    result.expect_err("rejected").to_string()
}

fn vector_error(tensor: Tensor, values: usize) -> String {
    let result = builder().vector(tensor, vec![0.0; values]);
    result.expect_err("rejected").to_string()
}

#[test]
fn matrix_of_wrong_size_is_rejected() {
    assert_eq!(
        matrix_error(QUERY, Format::Q4_0, 79 * 36),
        "the query matrix of layer 1 has 5056 values, but the model needs 5120"
    );
    assert_eq!(
        matrix_error(Tensor::Embedding, Format::F16, 71 * 128),
        "the token embedding has 4544 values, but the model needs 4480"
    );
    assert_eq!(
        matrix_error(Tensor::Output, Format::F32, 0),
        "the output matrix has 0 values, but the model needs 4480"
    );
}

#[test]
fn matrix_of_incomplete_rows_is_rejected() {
    assert_eq!(
        matrix_error(QUERY, Format::Q4_0, 35),
        "the query matrix of layer 1: 35 bytes are not whole rows of 64 values in Q4_0, which stores 32 values in \
         18 bytes"
    );
    assert_eq!(
        matrix_error(QUERY, Format::Q6K, 210),
        "the query matrix of layer 1: 210 bytes are not whole rows of 64 values in Q6_K, which stores 256 values \
         in 210 bytes"
    );
}

#[test]
fn vector_of_wrong_size_is_rejected() {
    assert_eq!(
        vector_error(Tensor::OutputNorm, 63),
        "the output norm has 63 values, but the model needs 64"
    );
    assert_eq!(
        vector_error(
            Tensor::Layer(0, LayerTensor::Bias(Projection::AttnOutput)),
            80
        ),
        "the attention output bias of layer 0 has 80 values, but the model needs 64"
    );
}

#[test]
fn tensors_without_a_place_are_rejected() {
    let norm = Tensor::Layer(0, LayerTensor::FfnNorm);
    let bias = Tensor::Layer(2, LayerTensor::Bias(Projection::Key));
    let matrix = Tensor::Layer(2, LayerTensor::Matrix(Projection::Down));
    for (message, tensor) in [
        (
            matrix_error(norm, Format::F32, 4),
            "the feed-forward norm of layer 0",
        ),
        (
            matrix_error(matrix, Format::F32, 4),
            "the down matrix of layer 2",
        ),
        (
            matrix_error(Tensor::OutputNorm, Format::F32, 4),
            "the output norm",
        ),
        (vector_error(bias, 40), "the key bias of layer 2"),
        (vector_error(QUERY, 40), "the query matrix of layer 1"),
        (vector_error(Tensor::Embedding, 64), "the token embedding"),
    ] {
        let wanted = format!("a model of 2 layers has no place for {tensor}");
        assert_eq!(message, wanted);
    }
}

/// Returns the result of building a model without the tensor `without`.
fn build_without(without: Tensor, tied: bool, angles: usize) -> Result<Model, ModelError> {
    let dimensions = Dimensions {
        tied,
        ..dimensions()
    };
    let stored = RandomModel::new(dimensions.clone(), 1);
    let runtime = Runtime::new(None, 1, || 0.0)?;
    let mut builder = ModelBuilder::new(dimensions, runtime);
    for matrix in stored
        .matrices
        .iter()
        .filter(|matrix| matrix.tensor != without)
    {
        builder.matrix(matrix.tensor, matrix.format, &matrix.bytes)?;
    }
    for (tensor, values) in stored
        .vectors
        .iter()
        .filter(|(tensor, _)| *tensor != without)
    {
        builder.vector(*tensor, values.clone())?;
    }
    builder.build(capacity(Kv::F32), vec![[1.0, 0.0]; angles])
}

#[test]
fn missing_tensors_are_named() {
    let angles = CONTEXT * 10;
    let mut tensors = vec![
        (Tensor::Embedding, "the token embedding is missing"),
        (Tensor::Output, "the output matrix is missing"),
        (Tensor::OutputNorm, "the output norm is missing"),
        (QUERY, "the query matrix of layer 1 is missing"),
    ];
    for (part, message) in [
        (
            LayerTensor::AttnNorm,
            "the attention norm of layer 1 is missing",
        ),
        (
            LayerTensor::FfnNorm,
            "the feed-forward norm of layer 1 is missing",
        ),
    ] {
        tensors.push((Tensor::Layer(1, part), message));
    }
    for (tensor, message) in tensors {
        let error = build_without(tensor, false, angles).expect_err("incomplete");
        assert_eq!(error.to_string(), message);
    }
    for projection in Projection::ALL {
        let matrix = Tensor::Layer(0, LayerTensor::Matrix(projection));
        let error = build_without(matrix, true, angles).expect_err("incomplete");
        let message = format!("the {} matrix of layer 0 is missing", projection.name());
        assert_eq!(error.to_string(), message);
        // Biases are optional.
        let bias = Tensor::Layer(0, LayerTensor::Bias(projection));
        build_without(bias, true, angles).expect("complete");
    }
    build_without(Tensor::Output, true, angles).expect("the embedding is the output matrix");
}

#[test]
fn table_of_angles_of_wrong_size_is_rejected() {
    let error = build_without(Tensor::Output, true, 999).expect_err("incomplete");
    assert_eq!(
        error.to_string(),
        "the table of angles has 999 values, but the model needs 1000"
    );
}

#[test]
fn instruction_set_that_the_machine_lacks_is_rejected_with_those_it_has() {
    let all: Vec<_> = Kernels::all().map(Kernels::instruction_set).collect();
    // No target has both.
    let foreign = match cfg!(target_arch = "aarch64") {
        true => InstructionSet::Avx2,
        false => InstructionSet::Neon,
    };
    let error = Runtime::new(Some(foreign), 1, || 0.0).expect_err("lacking");
    let names: Vec<&str> = all.iter().map(|set| set.name()).collect();
    let message = format!(
        "this machine lacks the instruction set {}; it has: {}",
        foreign.name(),
        names.join(", ")
    );
    assert_eq!(error.to_string(), message);
}

#[test]
fn steps_out_of_range_are_rejected() {
    let mut model = model(1, Kv::F32, None);
    let row = Row {
        id: 0,
        position: 0,
        slot: 0,
    };
    for (rows, outputs, message) in [
        (
            vec![Row { id: 70, ..row }],
            vec![],
            "token id 70 is out of range: there are 70",
        ),
        (
            vec![Row {
                position: 100,
                ..row
            }],
            vec![],
            "position 100 is out of range: there are 100",
        ),
        (
            vec![Row { slot: 3, ..row }],
            vec![],
            "slot 3 is out of range: there are 3",
        ),
        (
            vec![row; 21],
            vec![],
            "a step of 21 rows is too large: the model was loaded for at most 20",
        ),
        (
            vec![row; 2],
            vec![0; 21],
            "a step of 21 outputs is too large: the model was loaded for at most 20",
        ),
        (
            vec![row],
            vec![1],
            "output row 1 is out of range: there are 1",
        ),
        (vec![], vec![0], "output row 0 is out of range: there are 0"),
    ] {
        let error = model.step(&rows, &outputs).expect_err("out of range");
        assert_eq!(error.to_string(), message);
    }
    assert!(model.residuals(&[row; 21]).is_err());
    assert!(model.profile(&[row], &[1]).is_err());
}

#[test]
fn blocks_out_of_range_are_rejected() {
    let mut model = model(1, Kv::F32, None);
    for (result, message) in [
        (
            model.set_blocks(3, 0, &[1]),
            "slot 3 is out of range: there are 3",
        ),
        (
            model.set_blocks(0, 2, &[1]),
            "table entry 2 is out of range: there are 2",
        ),
        (
            model.set_blocks(0, 1, &[1, 2]),
            "table entry 2 is out of range: there are 2",
        ),
        (
            model.set_blocks(0, 0, &[7]),
            "cache block 7 is out of range: there are 7",
        ),
        (
            model.copy_blocks(1, 6, 2),
            "cache block 7 is out of range: there are 7",
        ),
        (
            model.copy_blocks(7, 1, 1),
            "cache block 7 is out of range: there are 7",
        ),
    ] {
        assert_eq!(result.expect_err("out of range").to_string(), message);
    }
    model.set_blocks(0, 0, &[]).expect("no entries");
    model.copy_blocks(0, 0, 0).expect("no blocks");
}
