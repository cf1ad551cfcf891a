// The first layers of EEGNet, once they are linear: filters over time, then some filters over channels for each.
//
//     y[b, t, g] = bias[g] + sum over c of mix[c, g] * sum over j of filter[j, f] * x[b, c, t + j - padding],
//
// where g = f * depth + d. x is (B, C, T) in memory, y channels last, (B, T', G) with G = F * depth. Arithmetic is in
// float (double for double), also where y is bfloat16; but processors that multiply pairs of bfloat16 (AVX512-BF16) do so
// then, with x and filter rounded as autocast rounds them: pairs of neighbouring places of the filter forward, of
// neighbouring times in the gradient.
//
// Convolutions of oneDNN expect many planes to read from; here there are few (as many as electrodes), and long filters.
// A tile of neighbouring times is held in registers, in vectors of filters; x stays in the nearest cache.
//
// The gradient is that of one convolution from all channels, products[c, j, g] = sum of x[b, c, t + j] * gy[b, t, g];
// those of filter and mix follow from it (front.py). Its parts are sums over fixed examples, added up in order, so that
// results do not depend on the number of threads.

#include "vectors.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

// Mirrored by front.py.
struct Front {
    int64_t batch, channels, times, filters, depth, kernel, padding;
    int32_t type, threads;
};

namespace {

#if defined(__AVX512F__)
const int TILE = 12;  // registers that hold sums, in pairs
template <class A>
constexpr int LANES = 64 / sizeof(A);
#else
const int TILE = 6;
template <class A>
constexpr int LANES = 32 / sizeof(A);
#endif

const int64_t PARTS = 16;

inline int64_t up(int64_t value, int64_t step) {
    return (value + step - 1) / step * step;
}

inline int64_t out_times(const Front& k) {
    return k.times + 2 * k.padding - k.kernel + 1;
}

#if defined(__AVX512BF16__)
inline bfloat16 rounded(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    if (x != x) return {uint16_t((bits >> 16) | 0x40u)};
    return {uint16_t((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16)};
}

// sum + a[0] * b[0] + a[1] * b[1], in each lane of b; one pair a for all.
inline Vector<float, 16> multiply_pairs(Vector<float, 16> sum, const bfloat16* a, Vector<float, 16> b) {
    int32_t both;
    std::memcpy(&both, a, sizeof both);
    return (Vector<float, 16>)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(both), (__m512bh)b);
}
#endif

// How products are added to a sum: one number at a time, or a pair.
template <class T>
struct Multiplier {
    using A = Arith<T>;
    static constexpr int AT_ONCE = 1;
    using Number = A;

    static A take(A x) { return x; }

    // (times, G) to (times, wide).
    static void lay_out(const T* g, int64_t times, int64_t G, int64_t wide, A* to) {
        for (int64_t t = 0; t < times; t++)
            for (int64_t l = 0; l < G; l++) to[t * wide + l] = value(g[t * G + l]);
    }

    template <int N>
    static Vector<A, N> add(Vector<A, N> sum, const A* x, Vector<A, N> by) {
        return sum + *x * by;
    }
};
#if defined(__AVX512BF16__)
template <>
struct Multiplier<bfloat16> {
    static constexpr int AT_ONCE = 2;
    using Number = bfloat16;

    static bfloat16 take(float x) { return rounded(x); }

    // (times, G) to (times / 2, wide, 2), with zeros after an odd number of times.
    static void lay_out(const bfloat16* g, int64_t times, int64_t G, int64_t wide, bfloat16* to) {
        for (int64_t t = 0; t < times; t += 2) {
            const bfloat16 *one = g + t * G, *other = one + (t + 1 < times ? G : 0);
            const uint32_t there = t + 1 < times ? 0xFFFFu : 0;
            for (int64_t l = 0; l < G; l++) {
                const uint32_t both = one[l].bits | (other[l].bits & there) << 16;
                std::memcpy(to + (t / 2 * wide + l) * 2, &both, sizeof both);
            }
        }
    }

    template <int N>
    static Vector<float, N> add(Vector<float, N> sum, const bfloat16* x, Vector<float, N> by) {
        return multiply_pairs(sum, x, by);
    }
};
#endif

// Each lane of v from the lane that `from` names.
template <class A, int N>
inline Vector<A, N> pick(Vector<A, N> v, Vector<Word<A>, N> from) {
#if defined(__clang__)
    Vector<A, N> picked;
    for (int i = 0; i < N; i++) picked[i] = v[from[i]];
    return picked;
#else
    return __builtin_shuffle(v, from);
#endif
}

// One example (C, T) with zeros around each row, and as many after it as tiles read beyond its end.
template <class T>
struct Padded {
    using Number = typename Multiplier<T>::Number;
    int64_t stride;
    std::vector<Number> values;

    explicit Padded(const Front& k) : stride(k.times + 2 * k.padding + 2 * TILE + 2), values(k.channels * stride) {}

    void take(const Front& k, const Arith<T>* x) {
        for (int64_t c = 0; c < k.channels; c++)
            for (int64_t t = 0; t < k.times; t++)
                values[c * stride + k.padding + t] = Multiplier<T>::take(x[c * k.times + t]);
    }

    const Number* row(int64_t c) const {
        return values.data() + c * stride;
    }
};

template <class T>
void forward(const Front& k, const Arith<T>* x, const Arith<T>* filter, const Arith<T>* mix, const Arith<T>* bias, T* y) {
    using A = Arith<T>;
    using Number = typename Multiplier<T>::Number;
    constexpr int N = LANES<A>, R = 2 * TILE, P = Multiplier<T>::AT_ONCE;
    const int64_t C = k.channels, F = k.filters, D = k.depth, K = k.kernel, G = F * D, times = out_times(k);
    const int64_t wide = up(F, N), groups = wide * D;
    std::vector<Number> w(up(K, P) * wide);  // (K / P, F, P)
    std::vector<A> m(C * groups), b(groups);  // all with zeros up to whole vectors
    for (int64_t f = 0; f < F; f++)
        for (int64_t j = 0; j < K; j++) w[(j / P * wide + f) * P + j % P] = Multiplier<T>::take(filter[f * K + j]);
    for (int64_t c = 0; c < C; c++) std::copy(mix + c * G, mix + (c + 1) * G, m.begin() + c * groups);
    std::copy(bias, bias + G, b.begin());
    std::vector<Word<A>> from(D * N);
    for (int64_t l = 0; l < D * N; l++) from[l] = Word<A>(l / D);
#pragma omp parallel num_threads(k.threads)
    {
        Padded<T> padded(k);
        std::vector<A> sums(R * D * N);
#pragma omp for schedule(static)
        for (int64_t example = 0; example < k.batch; example++) {
            padded.take(k, x + example * C * k.times);
            for (int64_t t = 0; t < times; t += R)
                for (int64_t f = 0; f < wide; f += N) {
                    for (int r = 0; r < R; r++) std::copy(&b[f * D], &b[f * D] + D * N, &sums[r * D * N]);
                    for (int64_t c = 0; c < C; c++) {
                        Vector<A, N> filtered[R] = {};
                        const Number* at = padded.row(c) + t;
                        for (int64_t j = 0; j < K; j += P) {
                            Vector<A, N> by;
                            std::memcpy(&by, &w[j * wide + f * P], sizeof by);
#pragma GCC unroll 24
                            for (int r = 0; r < R; r++)
                                filtered[r] = Multiplier<T>::template add<N>(filtered[r], at + j + r, by);
                        }
                        for (int64_t i = 0; i < D; i++) {
                            const auto lanes = load<N>(&from[i * N]);
                            const Vector<A, N> share = load<N>(&m[c * groups + f * D + i * N]);
#pragma GCC unroll 24
                            for (int r = 0; r < R; r++) {
                                A* sum = &sums[(r * D + i) * N];
                                store<N>(sum, load<N>(sum) + pick<A, N>(filtered[r], lanes) * share);
                            }
                        }
                    }
                    for (int r = 0; r < R && t + r < times; r++)
                        for (int64_t i = 0; i < D; i++) {
                            const int64_t g = f * D + i * N, many = std::min<int64_t>(N, G - g);
                            if (many <= 0) break;
                            T whole[N];
                            store<N>(whole, load<N>(&sums[(r * D + i) * N]));
                            std::memcpy(y + (example * times + t + r) * G + g, whole, many * sizeof(T));
                        }
                }
        }
    }
}

// Adds to total (J, stride) the sums over times of x[t + j] * gy[t, V vectors]; gy is (times / P, wide, P).
template <class T, int J, int V>
inline void multiply(
    const typename Multiplier<T>::Number* x, const typename Multiplier<T>::Number* gy, int64_t times, int64_t wide,
    double* total, int64_t stride, int64_t many) {
    using A = Arith<T>;
    constexpr int N = LANES<A>, P = Multiplier<T>::AT_ONCE;
    Vector<A, N> sum[J][V] = {};
    for (int64_t t = 0; t < times; t += P) {
        Vector<A, N> g[V];
        for (int v = 0; v < V; v++) std::memcpy(&g[v], gy + t * wide + v * N * P, sizeof g[v]);
#pragma GCC unroll 12
        for (int j = 0; j < J; j++)
#pragma GCC unroll 2
            for (int v = 0; v < V; v++) sum[j][v] = Multiplier<T>::template add<N>(sum[j][v], x + t + j, g[v]);
    }
    A found[J][V * N];
#pragma GCC unroll 12
    for (int j = 0; j < J; j++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) store<N>(&found[j][v * N], sum[j][v]);
    for (int j = 0; j < J; j++)
        for (int64_t l = 0; l < many; l++) total[j * stride + l] += found[j][l];
}

template <class T, int V>
inline void multiply_all(
    const typename Multiplier<T>::Number* x, const typename Multiplier<T>::Number* gy, int64_t times, int64_t wide,
    int64_t K, double* total, int64_t stride, int64_t many) {
    int64_t j = 0;
    for (; j + TILE <= K; j += TILE) multiply<T, TILE, V>(x + j, gy, times, wide, total + j * stride, stride, many);
    for (; j + 3 <= K; j += 3) multiply<T, 3, V>(x + j, gy, times, wide, total + j * stride, stride, many);
    for (; j < K; j++) multiply<T, 1, V>(x + j, gy, times, wide, total + j * stride, stride, many);
}

template <class T>
void backward(const Front& k, const Arith<T>* x, const T* gy, double* products, double* sums) {
    using A = Arith<T>;
    constexpr int N = LANES<A>, P = Multiplier<T>::AT_ONCE;
    const int64_t C = k.channels, K = k.kernel, G = k.filters * k.depth, times = out_times(k), wide = up(G, N);
    const int64_t n = C * K * G + G, each = (k.batch + PARTS - 1) / PARTS;
    std::vector<double> part(PARTS * n), total(n);
#pragma omp parallel num_threads(k.threads)
    {
        Padded<T> padded(k);
        std::vector<typename Multiplier<T>::Number> given(up(times, P) * wide);  // (times / P, wide, P)
#pragma omp for schedule(static)
        for (int64_t p = 0; p < PARTS; p++)
            for (int64_t example = p * each; example < std::min(k.batch, (p + 1) * each); example++) {
                double* own = &part[p * n];
                padded.take(k, x + example * C * k.times);
                const T* g = gy + example * times * G;
                Multiplier<T>::lay_out(g, times, G, wide, given.data());
                for (int64_t c = 0; c < C; c++)
                    for (int64_t l = 0; l < G; l += 2 * N) {
                        const int64_t many = std::min<int64_t>(2 * N, G - l);
                        double* to = own + c * K * G + l;
                        if (many > N)
                            multiply_all<T, 2>(padded.row(c), &given[l * P], times, wide, K, to, G, many);
                        else
                            multiply_all<T, 1>(padded.row(c), &given[l * P], times, wide, K, to, G, many);
                    }
                std::vector<A> sum(G);
                for (int64_t t = 0; t < times; t++)
                    for (int64_t l = 0; l < G; l++) sum[l] += value(g[t * G + l]);
                for (int64_t l = 0; l < G; l++) own[C * K * G + l] += sum[l];
            }
    }
    add_up(part, n, total.data());
    std::copy(total.begin(), total.begin() + C * K * G, products);
    std::copy(total.begin() + C * K * G, total.end(), sums);
}

template <class Run>
void by_type(const Front& k, Run run) {
    if (k.type == FLOAT) return run((float*)nullptr);
    if (k.type == BFLOAT16) return run((bfloat16*)nullptr);
    run((double*)nullptr);
}

}  // namespace

// x, filter (F, K), mix (C, G) and bias (G) are in the type of the arithmetic.
EXPORT void paribus_front_forward(
    const Front* k, const void* x, const void* filter, const void* mix, const void* bias, void* y) {
    by_type(*k, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        using A = Arith<T>;
        forward<T>(
            *k, static_cast<const A*>(x), static_cast<const A*>(filter), static_cast<const A*>(mix),
            static_cast<const A*>(bias), static_cast<T*>(y));
    });
}

// products (C, K, G), and sums (G): the gradient of bias.
EXPORT void paribus_front_backward(const Front* k, const void* x, const void* gy, double* products, double* sums) {
    by_type(*k, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        backward<T>(*k, static_cast<const Arith<T>*>(x), static_cast<const T*>(gy), products, sums);
    });
}
