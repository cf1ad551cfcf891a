// The first layers of EEGNet, once they are linear: filters over time, then some filters over channels for each.
//
//     y[b, t, g] = bias[g] + sum over c of mix[c, g] * sum over j of filter[j, f] * x[b, c, t + j - padding],
//
// where g = f * depth + d. x is (B, C, T) in memory, y channels last, (B, T', G) with G = F * depth. Arithmetic is in
// float (double for double), also where y is bfloat16.
//
// Convolutions of oneDNN expect many planes to read from; here there are few (as many as electrodes), and long filters.
// A tile of neighbouring times is held in registers, in vectors of filters; x stays in the nearest cache.
//
// The gradient is that of one convolution from all channels, products[c, j, g] = sum of x[b, c, t + j] * gy[b, t, g];
// those of filter and mix follow from it (front.py). Its parts are sums over fixed examples, added up in order, so that
// results do not depend on the number of threads.

#include "vectors.h"

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

// One example (C, T) with zeros around each row, and as many after it as tiles read beyond its end.
template <class A>
struct Padded {
    int64_t stride;
    std::vector<A> values;

    explicit Padded(const Front& k) : stride(k.times + 2 * k.padding + 2 * TILE), values(k.channels * stride) {}

    void take(const Front& k, const A* x) {
        for (int64_t c = 0; c < k.channels; c++)
            std::copy(x + c * k.times, x + (c + 1) * k.times, values.begin() + c * stride + k.padding);
    }

    const A* row(int64_t c) const {
        return values.data() + c * stride;
    }
};

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

template <class T>
void forward(const Front& k, const Arith<T>* x, const Arith<T>* filter, const Arith<T>* mix, const Arith<T>* bias, T* y) {
    using A = Arith<T>;
    constexpr int N = LANES<A>, R = 2 * TILE;
    const int64_t C = k.channels, F = k.filters, D = k.depth, K = k.kernel, G = F * D, times = out_times(k);
    const int64_t wide = up(F, N), groups = wide * D;
    std::vector<A> w(K * wide), m(C * groups), b(groups);  // as given, with zeros up to whole vectors
    for (int64_t f = 0; f < F; f++)
        for (int64_t j = 0; j < K; j++) w[j * wide + f] = filter[f * K + j];
    for (int64_t c = 0; c < C; c++) std::copy(mix + c * G, mix + (c + 1) * G, m.begin() + c * groups);
    std::copy(bias, bias + G, b.begin());
    std::vector<Word<A>> from(D * N);
    for (int64_t l = 0; l < D * N; l++) from[l] = Word<A>(l / D);
#pragma omp parallel num_threads(k.threads)
    {
        Padded<A> padded(k);
        std::vector<A> sums(R * D * N);
#pragma omp for schedule(static)
        for (int64_t example = 0; example < k.batch; example++) {
            padded.take(k, x + example * C * k.times);
            for (int64_t t = 0; t < times; t += R)
                for (int64_t f = 0; f < wide; f += N) {
                    for (int r = 0; r < R; r++) std::copy(&b[f * D], &b[f * D] + D * N, &sums[r * D * N]);
                    for (int64_t c = 0; c < C; c++) {
                        Vector<A, N> filtered[R] = {};
                        const A* at = padded.row(c) + t;
                        for (int64_t j = 0; j < K; j++) {
                            const Vector<A, N> by = load<N>(&w[j * wide + f]);
#pragma GCC unroll 24
                            for (int r = 0; r < R; r++) filtered[r] += at[j + r] * by;
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

// Adds to total (J, stride) the sums over times of x[t + j] * gy[t, V vectors].
template <class A, int J, int V>
inline void multiply(const A* x, const A* gy, int64_t times, int64_t wide, double* total, int64_t stride, int64_t many) {
    constexpr int N = LANES<A>;
    Vector<A, N> sum[J][V] = {};
    for (int64_t t = 0; t < times; t++) {
        Vector<A, N> g[V];
        for (int v = 0; v < V; v++) g[v] = load<N>(gy + t * wide + v * N);
#pragma GCC unroll 12
        for (int j = 0; j < J; j++)
#pragma GCC unroll 2
            for (int v = 0; v < V; v++) sum[j][v] += x[t + j] * g[v];
    }
    for (int j = 0; j < J; j++)
        for (int64_t l = 0; l < many; l++) total[j * stride + l] += sum[j][l / N][l % N];
}

template <class A, int V>
inline void multiply_all(
    const A* x, const A* gy, int64_t times, int64_t wide, int64_t K, double* total, int64_t stride, int64_t many) {
    int64_t j = 0;
    for (; j + TILE <= K; j += TILE) multiply<A, TILE, V>(x + j, gy, times, wide, total + j * stride, stride, many);
    for (; j + 3 <= K; j += 3) multiply<A, 3, V>(x + j, gy, times, wide, total + j * stride, stride, many);
    for (; j < K; j++) multiply<A, 1, V>(x + j, gy, times, wide, total + j * stride, stride, many);
}

template <class T>
void backward(const Front& k, const Arith<T>* x, const T* gy, double* products, double* sums) {
    using A = Arith<T>;
    constexpr int N = LANES<A>;
    const int64_t C = k.channels, K = k.kernel, G = k.filters * k.depth, times = out_times(k), wide = up(G, N);
    const int64_t n = C * K * G + G, each = (k.batch + PARTS - 1) / PARTS;
    std::vector<double> part(PARTS * n), total(n);
#pragma omp parallel num_threads(k.threads)
    {
        Padded<A> padded(k);
        std::vector<A> given(times * wide);
#pragma omp for schedule(static)
        for (int64_t p = 0; p < PARTS; p++)
            for (int64_t example = p * each; example < std::min(k.batch, (p + 1) * each); example++) {
                double* own = &part[p * n];
                padded.take(k, x + example * C * k.times);
                const T* g = gy + example * times * G;
                for (int64_t t = 0; t < times; t++)
                    for (int64_t l = 0; l < G; l++) given[t * wide + l] = value(g[t * G + l]);
                for (int64_t c = 0; c < C; c++)
                    for (int64_t l = 0; l < G; l += 2 * N) {
                        const int64_t many = std::min<int64_t>(2 * N, G - l);
                        double* to = own + c * K * G + l;
                        if (many > N)
                            multiply_all<A, 2>(padded.row(c), &given[l], times, wide, K, to, G, many);
                        else
                            multiply_all<A, 1>(padded.row(c), &given[l], times, wide, K, to, G, many);
                    }
                std::vector<A> sum(G);
                for (int64_t t = 0; t < times; t++)
                    for (int64_t l = 0; l < G; l++) sum[l] += given[t * wide + l];
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
