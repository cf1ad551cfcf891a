// One block of a network: in training, forward and backward, and in evaluation.
//
//     y = dropout(pool(post(norm(pre(x)))))
//
// x and y are channels last, (B, H, W, C) in memory, as float, bfloat16 (arithmetic in float) or double.
// norm is batch normalisation by the batch's own statistics; pre and post are activations, at most one of them other
// than the identity; pool is over windows that do not overlap (1 x 1 is none); dropout is decided by a hash of the
// element's place, as in dropout.py. PyTorch does each of these in passes of its own over memory, and memory is what
// these networks wait for; here two passes go forward and two back.
//
// Vectors hold N neighbouring channels. The last vector of a pixel overlaps the one before it where N does not divide
// C: what is stored twice is the same, and sums leave out the lanes that were already counted.
//
// Results do not depend on the number of threads: sums are gathered in parts of fixed rows, added up in order.

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "vectors.h"

enum Activation : int32_t { IDENTITY = 0, LEAKY = 1, ELU = 2 };  // ReLU is LEAKY with slope 0
enum Pool : int32_t { AVERAGE = 0, MAXIMUM = 1 };

// Mirrored by block.py.
struct Block {
    int64_t batch, height, width, channels;
    int64_t copies;  // 2 where neighbouring pixels of 8 channels are taken for one of 16, else 1; only without a pool
    int64_t pool_height, pool_width;
    int32_t type, pre, post, pool;
    int32_t dropout;  // 0: none, 1: of elements, 2: of whole channels
    int32_t threads;
    uint32_t key[2];
    uint32_t threshold;  // of 2^24: dropped where the hash lies below
    double pre_slope, post_slope;
    double keep_scale;  // 1 / (1 - p)
};

namespace {

const uint8_t DROPPED = 255;
const int64_t ROWS = 64;  // in one part of a sum

// ---------------------------------------------------------------- of vectors

// Bytes to words and back step by step: GCC 12 takes each lane by itself where it is asked for all at once.
template <class W, int N>
inline Vector<W, N> widened(const uint8_t* p) {
    const auto wide = __builtin_convertvector(load<N>(p), Vector<uint16_t, N>);
    return __builtin_convertvector(__builtin_convertvector(wide, Vector<int32_t, N>), Vector<W, N>);
}

template <int N, class V>
inline void narrow(uint8_t* p, V words) {
    const auto half = __builtin_convertvector(__builtin_convertvector(words, Vector<int32_t, N>), Vector<uint16_t, N>);
    store<N>(p, __builtin_convertvector(half, Vector<uint8_t, N>));
}

// The exponential of x <= 0 in float: 2^n times a polynomial on half of ln 2 to either side (Cephes, expf).
template <int N>
inline Vector<float, N> exponential(Vector<float, N> x) {
    x = x < -87.0f ? all<float, N>(-87.0f) : x;
    const Vector<float, N> shifted = x * 1.44269504f + 12582912.0f;  // 1.5 * 2^23 rounds to whole numbers
    const Vector<float, N> n = shifted - 12582912.0f;
    Vector<float, N> r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    Vector<float, N> p = all<float, N>(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const Vector<int32_t, N> power = (__builtin_convertvector(n, Vector<int32_t, N>) + 127) << 23;
    return p * (Vector<float, N>)power;
}

template <int N>
inline Vector<double, N> exponential(Vector<double, N> x) {
    for (int i = 0; i < N; i++) x[i] = std::exp(x[i]);
    return x;
}

template <class A, int N>
inline Vector<A, N> activate(int kind, A slope, Vector<A, N> x) {
    if (kind == IDENTITY) return x;
    if (kind == LEAKY) return x > 0 ? x : x * slope;
    const Vector<A, N> negative = exponential<N>(x > 0 ? all<A, N>(0) : x) - 1;
    return x > 0 ? x : negative + (x - x);  // x - x is 0, or NaN where x is
}

// The gradient g through an activation at x.
template <class A, int N>
inline Vector<A, N> derive(int kind, A slope, Vector<A, N> x, Vector<A, N> g) {
    if (kind == IDENTITY) return g;
    if (kind == LEAKY) return x > 0 ? g : g * slope;
    return x > 0 ? g : g * exponential<N>(x > 0 ? all<A, N>(0) : x);
}

// Of each place's number, as in dropout.py: the mask is the same there.
template <int N>
inline Vector<uint32_t, N> hash(Vector<uint32_t, N> place, const uint32_t key[2]) {
    Vector<uint32_t, N> h = place * 0x9E3779B1u + key[0];
    h ^= h >> 16;
    h *= 0x7FEB352Du;
    h ^= key[1];
    h ^= h >> 15;
    h *= 0x846CA68Bu;
    h ^= h >> 16;
    h *= 0x7FEB352Du;
    return h ^ (h >> 15);
}

template <int N>
inline Vector<uint32_t, N> iota() {
    Vector<uint32_t, N> v;
    for (int i = 0; i < N; i++) v[i] = i;
    return v;
}

// Calls each(c, first): vectors of channels from c on, of which those before `first` were seen already.
template <int N, class Each>
inline void for_channels(int64_t channels, Each each) {
    int64_t c = 0;
    for (; c + N <= channels; c += N) each(c, 0);
    if (c < channels) each(channels - N, int(c - (channels - N)));
}

// Gives all copies of a channel the sum of theirs; total (2, C).
inline void join(const Block& k, double* total) {
    const int64_t C = k.channels, own = C / k.copies;
    for (int64_t c = own; c < C; c++) {
        total[c - own] += total[c];
        total[C + c - own] += total[C + c];
    }
    for (int64_t c = own; c < C; c++) {
        total[c] = total[c - own];
        total[C + c] = total[C + c - own];
    }
}

// ---------------------------------------------------------------- forward

// Sums over all pixels of pre(x) - origin and its square, (2, C); origin (C) keeps the squares from cancelling.
template <class T, int N>
void sums(const Block& k, const T* x, const Arith<T>* origin, double* total) {
    using A = Arith<T>;
    const int64_t C = k.channels, pixels = k.batch * k.height * k.width, parts = (pixels + ROWS - 1) / ROWS;
    const A slope = A(k.pre_slope);
    std::vector<double> part(parts * 2 * C);
#pragma omp parallel for num_threads(k.threads) schedule(static)
    for (int64_t i = 0; i < parts; i++) {
        const int64_t begin = i * ROWS, end = std::min(pixels, begin + ROWS);
        double* own = &part[i * 2 * C];
        for_channels<N>(C, [&](int64_t c, int first) {
            const Vector<A, N> zero = load<N>(origin + c);
            Vector<A, N> sum{}, square{};
            for (int64_t r = begin; r < end; r++) {
                const Vector<A, N> v = activate<A, N>(k.pre, slope, load<N>(x + r * C + c)) - zero;
                sum += v;
                square += v * v;
            }
            for (int j = first; j < N; j++) {
                own[c + j] = sum[j];
                own[C + c + j] = square[j];
            }
        });
    }
    add_up(part, 2 * C, total);
    join(k, total);
}

// y, and for each of its elements in `code` which of its window was the largest, or DROPPED.
template <class T, int N>
void apply(const Block& k, const T* x, const Arith<T>* scale, const Arith<T>* shift, T* y, uint8_t* code) {
    using A = Arith<T>;
    const int64_t C = k.channels, own = C / k.copies, W = k.width, ph = k.pool_height, pw = k.pool_width;
    const int64_t out_height = k.height / ph, out_width = W / pw;
    const A pre_slope = A(k.pre_slope), post_slope = A(k.post_slope), share = A(1) / A(ph * pw);
    const bool maximum = k.pool == MAXIMUM;
#pragma omp parallel for num_threads(k.threads) schedule(static)
    for (int64_t row = 0; row < k.batch * out_height; row++) {
        const int64_t example = row / out_height;
        const T* rows = x + (example * k.height + row % out_height * ph) * W * C;
        for_channels<N>(C, [&](int64_t c, int) {
            const Vector<A, N> by = load<N>(scale + c), plus = load<N>(shift + c);
            for (int64_t w = 0; w < out_width; w++) {
                const int64_t out = (row * out_width + w) * C + c;
                Vector<A, N> v{};
                Vector<Word<A>, N> which{};
                if (maximum) {
                    v = all<A, N>(-std::numeric_limits<A>::infinity());
                    Word<A> place = 0;
                    for (int64_t i = 0; i < ph; i++)
                        for (int64_t j = 0; j < pw; j++, place++) {
                            const T* at = rows + (i * W + w * pw + j) * C + c;
                            const Vector<A, N> z = activate<A, N>(k.pre, pre_slope, load<N>(at)) * by + plus;
                            const auto larger = ~(z <= v);  // NaN is larger than all, so that it shows
                            v = larger ? z : v;
                            which = larger ? all<Word<A>, N>(place) : which;
                        }
                    v = activate<A, N>(k.post, post_slope, v);  // no activation here falls anywhere
                } else {
                    for (int64_t i = 0; i < ph; i++)
                        for (int64_t j = 0; j < pw; j++) {
                            const T* at = rows + (i * W + w * pw + j) * C + c;
                            const Vector<A, N> z = activate<A, N>(k.pre, pre_slope, load<N>(at)) * by + plus;
                            v += activate<A, N>(k.post, post_slope, z);
                        }
                    v *= share;
                }
                if (k.dropout) {
                    const Vector<uint32_t, N> lane = iota<N>() + uint32_t(c);
                    const Vector<uint32_t, N> channel = lane >= uint32_t(own) ? lane - uint32_t(own) : lane;
                    const Vector<uint32_t, N> place =
                        k.dropout == 2 ? channel + uint32_t(example * own) : iota<N>() + uint32_t(out);
                    const auto h = hash<N>(place, k.key) >> 8;
                    const auto dropped = __builtin_convertvector(h < k.threshold, Vector<Word<A>, N>);
                    v = dropped ? v * 0 : v * A(k.keep_scale);
                    which = dropped ? all<Word<A>, N>(DROPPED) : which;
                }
                store<N>(y + out, v);
                if (code) narrow<N>(code + out, which);
            }
        });
    }
}

// ---------------------------------------------------------------- backward

// Calls each(pixel, v, x, d) for N channels of every pixel of a row of windows: x as it came, v = pre(x), and d the
// gradient of norm's output there.
template <class T, int N, class Each>
inline void gradients(
    const Block& k, int64_t row, int64_t c, const T* x, const T* gy, const uint8_t* code,
    Vector<Arith<T>, N> by, Vector<Arith<T>, N> plus, Each each) {
    using A = Arith<T>;
    const int64_t C = k.channels, W = k.width, ph = k.pool_height, pw = k.pool_width;
    const int64_t out_height = k.height / ph, out_width = W / pw;
    const A pre_slope = A(k.pre_slope), post_slope = A(k.post_slope);
    const bool maximum = k.pool == MAXIMUM;
    const A factor = A(k.dropout ? k.keep_scale : 1.0) / (maximum ? A(1) : A(ph * pw));
    const int64_t first = (row / out_height * k.height + row % out_height * ph) * W;
    for (int64_t w = 0; w < out_width; w++) {
        const int64_t out = (row * out_width + w) * C + c;
        Vector<A, N> g = load<N>(gy + out) * factor;
        Vector<Word<A>, N> which{};
        if (code) which = widened<Word<A>, N>(code + out);
        if (code && !maximum) g = which == Word<A>(DROPPED) ? Vector<A, N>{} : g;
        Word<A> place = 0;
        for (int64_t i = 0; i < ph; i++)
            for (int64_t j = 0; j < pw; j++, place++) {
                const int64_t pixel = first + i * W + w * pw + j;
                const Vector<A, N> given = load<N>(x + pixel * C + c);
                const Vector<A, N> v = activate<A, N>(k.pre, pre_slope, given);
                const Vector<A, N> own = maximum ? (which == place ? g : Vector<A, N>{}) : g;
                each(pixel, v, given, derive<A, N>(k.post, post_slope, v * by + plus, own));
            }
    }
}

// Sums of d and of d times the normalised value, (2, C): the gradients of norm's bias and weight.
template <class T, int N>
void gradient_sums(
    const Block& k, const T* x, const T* gy, const uint8_t* code, const Arith<T>* scale, const Arith<T>* shift,
    const Arith<T>* mean, const Arith<T>* inverse_std, double* total) {
    using A = Arith<T>;
    const int64_t C = k.channels, rows = k.batch * (k.height / k.pool_height);
    std::vector<double> part(rows * 2 * C);
#pragma omp parallel for num_threads(k.threads) schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        double* own = &part[row * 2 * C];
        for_channels<N>(C, [&](int64_t c, int first) {
            const Vector<A, N> middle = load<N>(mean + c), by = load<N>(inverse_std + c);
            Vector<A, N> sum{}, product{};
            const auto add = [&](int64_t, Vector<A, N> v, Vector<A, N>, Vector<A, N> d) {
                sum += d;
                product += d * ((v - middle) * by);
            };
            gradients<T, N>(k, row, c, x, gy, code, load<N>(scale + c), load<N>(shift + c), add);
            for (int j = first; j < N; j++) {
                own[c + j] = sum[j];
                own[C + c + j] = product[j];
            }
        });
    }
    add_up(part, 2 * C, total);
    join(k, total);
}

// dx = scale * (d - mean of d - normalised * mean of d * normalised), through pre.
template <class T, int N>
void gradient(
    const Block& k, const T* x, const T* gy, const uint8_t* code, const Arith<T>* scale, const Arith<T>* shift,
    const Arith<T>* mean, const Arith<T>* inverse_std, const double* total, T* dx) {
    using A = Arith<T>;
    const int64_t C = k.channels, H = k.height, W = k.width;
    const int64_t out_height = H / k.pool_height, used_width = W / k.pool_width * k.pool_width;
    const A slope = A(k.pre_slope);
    // With mean and standard deviation drawn in: dx = scale * d - (offset + v * tilt).
    std::vector<A> offset(C), tilt(C);
    const double pixels = double(k.batch * H * W * k.copies);
    for (int64_t c = 0; c < C; c++) {
        const double along = double(scale[c]) * total[C + c] / pixels * inverse_std[c];
        tilt[c] = A(along);
        offset[c] = A(double(scale[c]) * total[c] / pixels - along * mean[c]);
    }
#pragma omp parallel for num_threads(k.threads) schedule(static)
    for (int64_t row = 0; row < k.batch * out_height; row++) {
        const int64_t example = row / out_height, top = row % out_height * k.pool_height;
        for_channels<N>(C, [&](int64_t c, int) {
            const Vector<A, N> by = load<N>(scale + c), from = load<N>(offset.data() + c);
            const Vector<A, N> with = load<N>(tilt.data() + c);
            const auto put = [&](int64_t pixel, Vector<A, N> v, Vector<A, N> given, Vector<A, N> d) {
                const Vector<A, N> g = d * by - (v * with + from);
                store<N>(dx + pixel * C + c, derive<A, N>(k.pre, slope, given, g));
            };
            gradients<T, N>(k, row, c, x, gy, code, by, load<N>(shift + c), put);
            // Pixels that no window holds got nothing from above, but are part of the statistics.
            const int64_t last = top + k.pool_height == out_height * k.pool_height ? H : top + k.pool_height;
            for (int64_t h = top; h < last; h++)
                for (int64_t w = h < top + k.pool_height ? used_width : 0; w < W; w++) {
                    const int64_t pixel = (example * H + h) * W + w;
                    const Vector<A, N> given = load<N>(x + pixel * C + c);
                    put(pixel, activate<A, N>(k.pre, slope, given), given, Vector<A, N>{});
                }
        });
    }
}

// ---------------------------------------------------------------- by type and width

template <class T, int N>
void forward(
    const Block& k, const T* x, const Arith<T>* weight, const Arith<T>* bias, double eps, T* y, uint8_t* code,
    Arith<T>* statistics, double* moments) {
    using A = Arith<T>;
    const int64_t C = k.channels, own = C / k.copies;
    A *mean = statistics, *inverse_std = mean + C, *scale = mean + 2 * C, *shift = mean + 3 * C;
    for_channels<N>(C, [&](int64_t c, int) {  // the first pixel, near enough to the mean
        store<N>(mean + c, activate<A, N>(k.pre, A(k.pre_slope), load<N>(x + c)));
    });
    for (int64_t c = own; c < C; c++) mean[c] = mean[c - own];
    std::vector<double> total(2 * C);
    sums<T, N>(k, x, mean, total.data());
    const double pixels = double(k.batch * k.height * k.width * k.copies);
    for (int64_t c = C - 1; c >= 0; c--) {  // of copies, the first has the last word
        const double off = total[c] / pixels, middle = mean[c] + off;
        const double squares = total[C + c] / pixels - off * off;
        const double variance = squares < 0 ? 0 : squares;  // so written, NaN stays
        const double inverse = 1 / std::sqrt(variance + eps);
        const int64_t channel = c % own;
        moments[channel] = middle;
        moments[own + channel] = variance;
        mean[c] = A(middle);
        inverse_std[c] = A(inverse);
        scale[c] = A(weight[channel] * inverse);
        shift[c] = A(bias[channel] - middle * weight[channel] * inverse);
    }
    apply<T, N>(k, x, scale, shift, y, code);
}

template <class T, int N>
void backward(
    const Block& k, const T* x, const T* gy, const uint8_t* code, const Arith<T>* statistics, T* dx, double* total) {
    const int64_t C = k.channels;
    const Arith<T> *mean = statistics, *inverse_std = mean + C, *scale = mean + 2 * C, *shift = mean + 3 * C;
    gradient_sums<T, N>(k, x, gy, code, scale, shift, mean, inverse_std, total);
    gradient<T, N>(k, x, gy, code, scale, shift, mean, inverse_std, total, dx);
}

// Calls run(T*, lanes) with the type and number of lanes that suit; channels are at least 8.
template <class Run>
void by_type(const Block& k, Run run) {
    using Few = std::integral_constant<int, 8>;
    using Many = std::integral_constant<int, 16>;
    const bool many = k.channels >= 16;
    if (k.type == FLOAT && many) return run((float*)nullptr, Many{});
    if (k.type == FLOAT) return run((float*)nullptr, Few{});
    if (k.type == BFLOAT16 && many) return run((bfloat16*)nullptr, Many{});
    if (k.type == BFLOAT16) return run((bfloat16*)nullptr, Few{});
    run((double*)nullptr, Few{});
}

}  // namespace

// weight, bias (C / copies) and statistics (4, C: mean, 1 / std, scale, shift) are in the type of the arithmetic; moments
// (2, C / copies: mean, variance without Bessel's correction) in double; code may be null where nothing is to be remembered.
EXPORT void paribus_block_forward(
    const Block* k, const void* x, const void* weight, const void* bias, double eps, void* y, uint8_t* code,
    void* statistics, double* moments) {
    by_type(*k, [&](auto* type, auto lanes) {
        using T = std::remove_pointer_t<decltype(type)>;
        using A = Arith<T>;
        forward<T, decltype(lanes)::value>(
            *k, static_cast<const T*>(x), static_cast<const A*>(weight), static_cast<const A*>(bias), eps,
            static_cast<T*>(y), code, static_cast<A*>(statistics), moments);
    });
}

// The same by scale and shift (C) that are given, as in evaluation; no dropout.
EXPORT void paribus_block_evaluate(const Block* k, const void* x, const void* scale, const void* shift, void* y) {
    by_type(*k, [&](auto* type, auto lanes) {
        using T = std::remove_pointer_t<decltype(type)>;
        using A = Arith<T>;
        apply<T, decltype(lanes)::value>(
            *k, static_cast<const T*>(x), static_cast<const A*>(scale), static_cast<const A*>(shift),
            static_cast<T*>(y), nullptr);
    });
}

// sums (2, C): the gradients of bias and weight, the same for all copies.
EXPORT void paribus_block_backward(
    const Block* k, const void* x, const void* gy, const uint8_t* code, const void* statistics, void* dx,
    double* sums) {
    by_type(*k, [&](auto* type, auto lanes) {
        using T = std::remove_pointer_t<decltype(type)>;
        backward<T, decltype(lanes)::value>(
            *k, static_cast<const T*>(x), static_cast<const T*>(gy), code, static_cast<const Arith<T>*>(statistics),
            static_cast<T*>(dx), sums);
    });
}
