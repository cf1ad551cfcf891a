// What the kernels share: number types, vectors of them, and sums that do not depend on the number of threads.
//
// Vectors are the compiler's own (GCC's and Clang's vector_size), so the same lines give AVX-512, AVX2 and NEON.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#if defined(_WIN32)
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

enum Type : int32_t { FLOAT = 0, BFLOAT16 = 1, DOUBLE = 2 };

namespace {

struct bfloat16 {
    uint16_t bits;
};

template <class A, int N>
struct Of {
    typedef A vector __attribute__((vector_size(sizeof(A) * N)));
};
template <int N>
struct Of<bfloat16, N> {
    typedef void vector;  // nothing is computed in it
};
template <class A, int N>
using Vector = typename Of<A, N>::vector;

template <class T>
struct Arithmetic {
    using type = T;
};
template <>
struct Arithmetic<bfloat16> {
    using type = float;
};
template <class T>
using Arith = typename Arithmetic<T>::type;

template <class A>
using Word = std::conditional_t<sizeof(A) == 4, int32_t, int64_t>;

template <int N, class T>
inline Vector<T, N> load(const T* p) {
    Vector<T, N> v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

template <int N>
inline Vector<float, N> load(const bfloat16* p) {
    Vector<uint16_t, N> half;
    std::memcpy(&half, p, sizeof half);
    return (Vector<float, N>)(__builtin_convertvector(half, Vector<uint32_t, N>) << 16);
}

template <int N, class T>
inline void store(T* p, Vector<T, N> v) {
    std::memcpy(p, &v, sizeof v);
}

// To the nearest, ties to even; NaN stays NaN.
template <int N>
inline void store(bfloat16* p, Vector<float, N> v) {
    const Vector<uint32_t, N> bits = (Vector<uint32_t, N>)v;
    const Vector<uint32_t, N> rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
    const Vector<uint32_t, N> nan = (bits >> 16) | 0x40u;
    const auto half = __builtin_convertvector(v == v ? rounded : nan, Vector<uint16_t, N>);
    std::memcpy(p, &half, sizeof half);
}

inline float value(float x) { return x; }
inline double value(double x) { return x; }
inline float value(bfloat16 x) {
    const uint32_t bits = uint32_t(x.bits) << 16;
    float v;
    std::memcpy(&v, &bits, sizeof v);
    return v;
}

template <class A, int N>
inline Vector<A, N> all(A value) {
    return Vector<A, N>{} + value;
}

// The sum of parts of n numbers each, in their order.
inline void add_up(const std::vector<double>& parts, int64_t n, double* total) {
    std::fill(total, total + n, 0.0);
    for (auto part = parts.begin(); part != parts.end(); part += n)
        for (int64_t i = 0; i < n; i++) total[i] += part[i];
}

}  // namespace
