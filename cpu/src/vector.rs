//! Vectors as plain arrays. Inside a function that is compiled for an instruction set, the compiler turns each
//! of these functions into a few instructions; they contain no code of any instruction set themselves.

/// N values, one per lane of a vector register.
pub type Vector<const N: usize> = [f32; N];
/// N words, one per lane.
pub type Words<const N: usize> = [u32; N];

/// Repeats a body for `$i` from 0 to `$count` - 1, which is at most 8, without a loop. The compiler would turn a short
/// loop over registers into gathers and scatters of memory.
macro_rules! unrolled {
    ($i:ident < $count:expr => $body:block) => {
        unrolled!(@ $i $count, $body, 0 1 2 3 4 5 6 7)
    };
    (@ $i:ident $count:expr, $body:block, $($number:literal)*) => {
        $(if $number < $count {
            let $i: usize = $number;
            $body
        })*
    };
}
pub(crate) use unrolled;

/// Returns [f(0), f(1), ..]. A function instead of `array::from_fn`, which is not always inlined into functions
/// with target features.
#[inline(always)]
pub fn lanes<T: Copy + Default, const N: usize>(f: impl Fn(usize) -> T) -> [T; N] {
    let mut out = [T::default(); N];
    let mut lane = 0;
    while lane < N {
        out[lane] = f(lane);
        lane += 1;
    }
    out
}

/// Returns a * b + c in each lane: rounded once if the instruction set has `FMA`, because without it
/// `f32::mul_add` is a slow library call.
#[inline(always)]
pub fn mul_add<const FMA: bool, const N: usize>(
    a: Vector<N>,
    b: Vector<N>,
    c: Vector<N>,
) -> Vector<N> {
    if FMA {
        lanes(|i| a[i].mul_add(b[i], c[i]))
    } else {
        lanes(|i| a[i] * b[i] + c[i])
    }
}

/// Returns a + b in each lane.
#[inline(always)]
pub fn add<const N: usize>(a: Vector<N>, b: Vector<N>) -> Vector<N> {
    lanes(|i| a[i] + b[i])
}

/// Returns the larger value of each lane; b if a is NaN.
#[inline(always)]
pub fn max<const N: usize>(a: Vector<N>, b: Vector<N>) -> Vector<N> {
    lanes(|i| if a[i] > b[i] { a[i] } else { b[i] })
}

/// Returns the sum of all lanes: halves are added until one lane is left.
#[inline(always)]
pub fn sum<const N: usize>(mut a: Vector<N>) -> f32 {
    let mut width = N;
    while width > 1 {
        width /= 2;
        let mut i = 0;
        while i < width {
            a[i] += a[i + width];
            i += 1;
        }
    }
    a[0]
}

/// Converts the f16 in the lower half of each lane. NaN and infinities stay what they are.
///
/// A product with a subnormal f32 would be simpler, but takes some processors a hundred times longer, and scales of
/// K-quants are often subnormal as f16.
#[inline(always)]
pub fn half<const N: usize>(words: Words<N>) -> Vector<N> {
    /// Power of two, at least 2^-126.
    const fn power(exponent: i32) -> f32 {
        f32::from_bits(((exponent + 127) as u32) << 23)
    }
    lanes(|i| {
        // Exponent and fraction where an f32 has them, and copies of the sign above.
        let bits = ((words[i] << 16).cast_signed() >> 3).cast_unsigned();
        let magnitude = bits & 0x0fff_e000;
        // 224 more makes an exponent of 31, of infinities and NaN, 255. Finite numbers are 2^112 times too large.
        let value = f32::from_bits(magnitude + (224 << 23));
        let normal = value * power(-112);
        // A subnormal number 0.f * 2^-14 was read as 1.f * 2^-15. Of normal numbers, this is at least as large.
        let subnormal = value * power(-111) - power(-14);
        let value = if normal < subnormal {
            normal
        } else {
            subnormal
        };
        f32::from_bits(value.to_bits() | bits & 0x8000_0000)
    })
}

/// Returns e^x in each lane, to about 2 units in the last place; inputs below -87 give about 1e-38.
///
/// The reduction to [-ln 2 / 2, ln 2 / 2] and the polynomial are those of Cephes' `expf`.
#[inline(always)]
pub fn exp<const FMA: bool, const N: usize>(x: Vector<N>) -> Vector<N> {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let x = lanes(|i| {
        let x = if x[i] < -87.0 { -87.0 } else { x[i] };
        if x > 88.0 { 88.0 } else { x }
    });
    let n: Vector<N> = lanes(|i| (x[i] * std::f32::consts::LOG2_E + ROUND) - ROUND);
    let r = mul_add::<FMA, N>(n, [-LN_2_HIGH; N], x);
    let r = mul_add::<FMA, N>(n, [-LN_2_LOW; N], r);
    let mut p = [1.987_569_1e-4; N];
    for c in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
        1.0,
        1.0,
    ] {
        p = mul_add::<FMA, N>(p, r, [c; N]);
    }
    lanes(|i| {
        // The conversion saturates; NaN becomes zero, which is multiplied by the NaN in p.
        let exponent = (n[i] as i32 + 127) << 23;
        p[i] * f32::from_bits(exponent.cast_unsigned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_converts_every_bit_pattern() {
        for bits in 0..=u16::MAX {
            let [ours] = half([u32::from(bits)]);
            let theirs = half::f16::from_bits(bits).to_f32();
            let same = ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan();
            assert!(same, "{bits:#06x}: {ours} instead of {theirs}");
        }
    }

    #[test]
    fn exp_is_close_and_passes_nan() {
        for i in -8_700..=8_800 {
            let x = i as f32 / 100.0;
            let wanted = f64::from(x).exp();
            for got in [exp::<true, 1>([x])[0], exp::<false, 1>([x])[0]] {
                let relative = (f64::from(got) / wanted - 1.0).abs();
                assert!(relative < 3e-7, "exp({x}) is {got}, not {wanted}");
            }
        }
        assert!(exp::<true, 1>([f32::NAN])[0].is_nan());
        assert!(exp::<true, 1>([f32::NEG_INFINITY])[0] < 1e-37);
    }

    #[test]
    fn sum_and_max_reduce_all_lanes() {
        let x: Vector<8> = lanes(|i| i as f32);
        assert_eq!(sum(x), 28.0);
        assert_eq!(max(x, [3.5; 8])[2..5], [3.5, 3.5, 4.0]);
        assert_eq!(max([f32::NAN], [1.0]), [1.0]);
    }
}
