//! Tests our kernels against their CPU references on the system's adapter, in shapes that are multiples of
//! nothing.

use llamaglass_engine::forward::{Buffer, flat};
use llamaglass_shaders::cpu;
use llamaglass_shaders::params::{
    CopyBlockParams, CopyParams, EmbedParams, FmaParams, LinearParams, NormParams,
};
use llamaglass_shaders::{
    COPY, COPY_BLOCK, FMA, Format, Kernel, MatmulKernel, MatrixLayout, Store, embed, linear,
    rms_norm, rms_norm_sampled,
    step::{self, Row},
};
use pollster::block_on;

use super::gpu::{Gpu, POISON, Packed, assert_close, open_device};

/// Software adapters must have the subgroups that kernels rely on, so that the subgroup variants are tested
/// everywhere.
#[test]
fn software_adapters_have_subgroups() {
    let open = open_device();
    let gpu = open.gpu.expect("a GPU");
    if open.info.software {
        assert!(gpu.subgroup_size().is_some(), "{:?}", open.info);
    }
    let best = || block_on(gpu.variant(None, Format::Q4_0)).unwrap();
    // The fastest variant is determined once; which one it is depends on measured times.
    assert_eq!(best(), best());
}

#[test]
fn embed_looks_up_rows_in_every_format() {
    let mut gpu = Gpu::open();
    for format in Format::ALL {
        for (v, c, ids) in [(5, 3, vec![4]), (300, 67, vec![0, 299, 7, 7, 150])] {
            let blocks = Format::blocks(c);
            let table = gpu.matrix(format, v, blocks);
            let x = gpu.put(&vec![POISON; ids.len() * c]);
            let row = |id: &u32| Row {
                id: *id,
                position: 12,
                ..Row::default()
            };
            let rows: Vec<Row> = ids.iter().map(row).collect();
            let step = step::words(&rows, &[0], true);
            let kernel = embed(format, c);
            let params = EmbedParams {
                rows: ids.len() as u32,
            };
            gpu.device.launch(
                &kernel,
                &[
                    &gpu.put_u32(&step),
                    &gpu.put_u32(&table.quants),
                    &gpu.scales(&table, &[]),
                    &x,
                ],
                &params,
                flat(&kernel, ids.len() * blocks),
            );
            let wanted = cpu::embed(&table.rows(c), c, &ids);
            assert_close(format.name(), &gpu.get(&x), &wanted, 1);
        }
    }
}

#[test]
fn rms_norm_matches_the_cpu_reference() {
    let mut gpu = Gpu::open();
    for (rows, first, c) in [(1, 0, 1), (3, 0, 63), (2, 4, 577)] {
        let x = gpu.noise((first + rows) * c);
        let weight = gpu.noise(c);
        let stride = c + 3;
        let wanted = cpu::rms_norm(&x[first * c..], &weight, 1e-5);
        let params = NormParams {
            eps: 1e-5,
            y_stride: stride as u32,
            first_row: first as u32,
        };
        for variant in gpu.variants() {
            let kernel = rms_norm(variant, c);
            let y = gpu.put(&vec![POISON; rows * stride]);
            gpu.device.launch(
                &kernel,
                &[&gpu.put(&x), &gpu.put(&weight), &y],
                &params,
                [rows as u32, 1, 1],
            );
            let got = gpu.get(&y);
            for (got, wanted) in got.chunks_exact(stride).zip(wanted.chunks_exact(c)) {
                assert_close(&kernel.label(), &got[..c], wanted, 8);
                assert_eq!(got[c..], [POISON; 3]);
            }
        }
    }
}

#[test]
fn rms_norm_sampled_norms_only_the_rows_that_sample() {
    let mut gpu = Gpu::open();
    let (c, rows, samples) = (67, 5, [3, 0, 4]);
    let (x, weight) = (gpu.noise(rows * c), gpu.noise(c));
    let step = gpu.put_u32(&step::words(&[Row::default(); 5], &samples, false));
    let params = NormParams {
        eps: 1e-5,
        y_stride: c as u32,
        first_row: 0,
    };
    for variant in gpu.variants() {
        let kernel = rms_norm_sampled(variant, c);
        let y = gpu.put(&vec![POISON; samples.len() * c]);
        let buffers = [&gpu.put(&x), &gpu.put(&weight), &y, &step];
        let groups = [samples.len() as u32, 1, 1];
        gpu.device.launch(&kernel, &buffers, &params, groups);
        for (got, row) in gpu.get(&y).chunks_exact(c).zip(samples) {
            let wanted = cpu::rms_norm(&x[row * c..(row + 1) * c], &weight, 1e-5);
            assert_close(&kernel.label(), got, &wanted, 8);
        }
    }
}

#[test]
fn copy_block_matches_the_cpu_reference() {
    let mut gpu = Gpu::open();
    let mut cache: Vec<u32> = (0..1000).map(|_| gpu.word()).collect();
    let on_gpu = gpu.put_u32(&cache);
    let groups = flat(&COPY_BLOCK, 190);
    let params = CopyBlockParams {
        source: 300,
        destination: 700,
        words: 190,
    };
    gpu.device.launch(&COPY_BLOCK, &[&on_gpu], &params, groups);
    cpu::copy_block(&mut cache, 300, 700, 190);
    assert_eq!(gpu.get_u32(&on_gpu), cache);
}

/// A product with one kernel, format and shape.
struct Case {
    method: MatmulKernel,
    format: Format,
    rows: usize,
    inputs: usize,
    out: usize,
    /// True if the product has a bias and is added to y.
    add: bool,
}

impl Case {
    fn kernel(&self, store: Store, bias: bool) -> Kernel {
        let matrix = MatrixLayout {
            format: self.format,
            blocks: Format::blocks(self.inputs),
            bias,
        };
        linear(self.method, matrix, store)
    }

    fn name(&self, kernel: &Kernel) -> String {
        let Self {
            rows, inputs, out, ..
        } = self;
        format!("{} of {rows} {inputs} {out}", kernel.label())
    }

    /// Returns x [first + rows, inputs], the matrix, and the product for all rows of x after the `first`.
    fn operands(&self, gpu: &mut Gpu, first: usize, bias: &[f32]) -> (Buffer, Packed, Vec<f32>) {
        let blocks = Format::blocks(self.inputs);
        let x = gpu.noise((first + self.rows) * self.inputs);
        let matrix = gpu.matrix(self.format, self.out, blocks);
        let w = matrix.rows(self.inputs);
        let product = cpu::linear(&x[first * self.inputs..], &w, bias, self.inputs);
        (gpu.padded(&x, self.inputs), matrix, product)
    }

    fn launch(
        &self,
        gpu: &Gpu,
        kernel: &Kernel,
        [x, y]: [&Buffer; 2],
        (matrix, bias): (&Packed, &[f32]),
        params: &LinearParams,
    ) {
        let quants = gpu.put_u32(&matrix.quants);
        let buffers = [x, &quants, &gpu.scales(matrix, bias), y];
        let groups = self.method.groups(self.rows, self.out);
        gpu.device.launch(kernel, &buffers, params, groups);
    }

    fn check(&self) {
        self.check_plain();
        if self.add {
            self.check_swiglu();
        }
    }

    /// Checks the product next to other columns.
    fn check_plain(&self) {
        let mut gpu = Gpu::open();
        let (first, column, stride) = (2, 3, self.out + 5);
        let bias = gpu.noise(self.out);
        let held = gpu.noise(self.rows * stride);
        let bias = if self.add { &bias[..] } else { &[] };
        let (x, matrix, product) = self.operands(&mut gpu, first, bias);
        let y = gpu.put(&held);
        let params = LinearParams {
            rows: self.rows as u32,
            x_row: first as u32,
            out: self.out as u32,
            bias_offset: matrix.scales.len() as u32,
            y_column: column as u32,
            y_stride: stride as u32,
        };
        let kernel = self.kernel(Store::Plain { add: self.add }, self.add);
        self.launch(&gpu, &kernel, [&x, &y], (&matrix, bias), &params);
        let mut wanted = held.clone();
        for (row, values) in product.chunks_exact(self.out).enumerate() {
            for (i, value) in values.iter().enumerate() {
                let at = &mut wanted[row * stride + column + i];
                let held = if self.add { *at } else { 0.0 };
                *at = held + value;
            }
        }
        let what = self.name(&kernel);
        assert_close(&what, &gpu.get(&y), &wanted, self.inputs);
    }

    /// Checks the SwiGLU store, in which pairs of columns are gate and up.
    fn check_swiglu(&self) {
        let mut gpu = Gpu::open();
        let bias = gpu.noise(self.out);
        let (x, matrix, product) = self.operands(&mut gpu, 0, &bias);
        let f = self.out / 2;
        let y = gpu.put(&vec![POISON; self.rows * (f + 1)]);
        let params = LinearParams {
            rows: self.rows as u32,
            out: self.out as u32,
            bias_offset: matrix.scales.len() as u32,
            y_stride: f as u32 + 1,
            ..Default::default()
        };
        let kernel = self.kernel(Store::Swiglu, true);
        self.launch(&gpu, &kernel, [&x, &y], (&matrix, &bias), &params);
        let wanted = cpu::swiglu(&product);
        let got = gpu.get(&y);
        let what = self.name(&kernel);
        for (got, wanted) in got.chunks_exact(f + 1).zip(wanted.chunks_exact(f)) {
            assert_close(&what, &got[..f], wanted, 2 * self.inputs);
            assert_eq!(got[f], POISON, "{what}");
        }
    }
}

/// Returns cases for every format, with odd numbers of blocks, and last blocks that are full or partial. Each
/// number of blocks takes a pipeline of its own, so there are few.
fn cases(method: MatmulKernel, rows: &[usize]) -> Vec<Case> {
    let shapes = [(96, 14), (288, 38), (71, 66), (259, 6)];
    let mut cases = Vec::new();
    for format in Format::ALL {
        for (i, (inputs, out)) in shapes.into_iter().enumerate() {
            let rows = rows[(i + cases.len() / shapes.len()) % rows.len()];
            cases.push(Case {
                method,
                format,
                rows,
                inputs,
                out,
                add: inputs > 96,
            });
        }
    }
    cases
}

#[test]
fn linear_with_one_row_matches_the_cpu_reference() {
    for variant in Gpu::open().variants() {
        for case in cases(MatmulKernel::Row(variant), &[1]) {
            case.check();
        }
    }
}

#[test]
fn linear_with_many_rows_matches_the_cpu_reference() {
    for case in cases(MatmulKernel::Tile, &[2, 33, 3, 7, 5]) {
        case.check();
    }
}

#[test]
fn linear_handles_odd_numbers_of_columns() {
    let variants = Gpu::open().variants().into_iter();
    let methods = variants.map(|variant| (MatmulKernel::Row(variant), 1));
    for (method, rows) in methods.chain([(MatmulKernel::Tile, 9)]) {
        for (inputs, out) in [(64, 1), (64, 3), (64, 13), (64, 129), (1, 10)] {
            Case {
                method,
                format: Format::Q4_1,
                rows,
                inputs,
                out,
                add: true,
            }
            .check_plain();
        }
    }
}

#[test]
fn roofline_kernels_match_the_cpu_reference() {
    let mut gpu = Gpu::open();
    let x = gpu.noise(4 * 1001);
    let y = gpu.put(&vec![POISON; x.len()]);
    let buffers = [&gpu.put(&x), &y];
    let params = CopyParams { count: 1001 };
    gpu.device.launch(&COPY, &buffers, &params, [3, 1, 1]);
    assert_eq!(gpu.get(&y), cpu::copy(&x));

    let y = gpu.put(&[POISON; 128]);
    let buffers = [&gpu.put(&[0.5, 1.0]), &y];
    let params = FmaParams { rounds: 9 };
    gpu.device.launch(&FMA, &buffers, &params, [2, 1, 1]);
    let wanted: Vec<f32> = (0..128).map(|id| cpu::fma(id, 9, 0.5, 1.0)).collect();
    assert_close("fma", &gpu.get(&y), &wanted, 32);
}
