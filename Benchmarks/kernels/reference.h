// reference.h: what the kernels must compute, one number at a time, from Keras' layout. It shares no text with them.
#ifndef REFERENCE_H
#define REFERENCE_H
#include "streams.h"

static float reference_exp_parts(float y, float *power) {
  float t = fmaf(y, 1.44269504088896341f, 12583039.0f), n = t - 12583039.0f;
  float r = fmaf(-n, -2.12194440e-4f, fmaf(-n, 0.693359375f, y));
  static const float c[] = {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
  float p = 1.9875691500e-4f;
  for (int i = 0; i < 5; i++) p = fmaf(p, r, c[i]);
  *power = ldexpf(1, (int)n);
  return fmaf(r * r, p, r);
}
static float reference_clip(float low, float high, float x) { return x < low ? low : x > high ? high : x; }
static float reference_sigmoid(float x) {
  float s, q = reference_exp_parts(reference_clip(-87, 87, 0 - x), &s);
  return 1 / fmaf(s, q, s + 1);
}
static float reference_tanh(float x) {
  float s, q = reference_exp_parts(reference_clip(-20, 20, x + x), &s), e = fmaf(s, q, s - 1);
  return e / (e + 2);
}
static float reference_exp(float x) {
  float s, q = reference_exp_parts(reference_clip(-87, 88.37f, x), &s);
  return x < -87 ? 0 : fmaf(s, q, s);
}
static float reference_sum(int n, const float *v, bool squares) {
  float s[16] = {0};
  for (int i = 0; i < n; i++) s[i % 16] = squares ? fmaf(v[i], v[i], s[i % 16]) : s[i % 16] + v[i];
  for (int half = 8; half; half /= 2)
    for (int i = 0; i < half; i++) s[i] += s[i + half];
  return s[0];
}
// The chain over column j of m[K][width].
static float reference_chain(float a, int K, const float *v, const float *m, int width, int j) {
  for (int k = 0; k < K; k++) a = fmaf(v[k], m[(size_t)k * width + j], a);
  return a;
}
// The step of each column in 8 bits, and the column rounded to it.
static float reference_round_column(int K, const float *m, int width, int j, int8_t *q) {
  float most = 0;
  for (int k = 0; k < K; k++) most = fmaxf(most, fabsf(m[(size_t)k * width + j]));
  most = fmaxf(most, 1e-20f);
  for (int k = 0; k < K; k++) q[k] = (int8_t)rintf(m[(size_t)k * width + j] * (127.0f / most));
  return most / 127.0f;
}
static float reference_round_row(int K, const float *v, int8_t *q) {
  float most = 1e-20f;
  for (int k = 0; k < K; k++) most = fmaxf(most, fabsf(v[k]));
  for (int k = 0; k < K; k++) q[k] = (int8_t)(fmaf(v[k], 127.0f / most, 12582912.0f) - 12582912.0f);
  return most / 127.0f;
}
// The same chain in 8 bits: one exact integer sum, then two roundings.
static float reference_dot(float a, int K, const float *v, const float *m, int width, int j) {
  int8_t q[K], w[K];
  float row = reference_round_row(K, v, q), column = reference_round_column(K, m, width, j, w);
  int32_t sum = 0;
  for (int k = 0; k < K; k++) sum += q[k] * w[k];
  return fmaf((float)sum * row, column, a);
}
// The f32 chain with weights rounded to bf16.
static float reference_bf16(float a, int K, const float *v, const float *m, int width, int j) {
  for (int k = 0; k < K; k++) {
    uint32_t u;
    memcpy(&u, &m[(size_t)k * width + j], 4);
    u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000;
    float w;
    memcpy(&w, &u, 4);
    a = fmaf(v[k], w, a);
  }
  return a;
}
static void reference_step(const weights *w, mr_format format, const float *x, const float *h, float *out, float *c) {
  float (*chain)(float, int, const float *, const float *, int, int) = 
      format == MR_INT8 ? reference_dot : format == MR_BF16 ? reference_bf16 : reference_chain;
  const int I = w->I, H = w->H, width = w->G * H;
  float reset[H], update[H], product[H];
#define X(bias, g) chain(bias, I, x, w->W, width, (g) * H + u)
#define UH(start, g) chain(start, H, h, w->U, width, (g) * H + u)
  for (int u = 0; u < H; u++) {
    const float *b = w->b + u;
    if (w->kind == MR_SIMPLE_RNN) out[u] = reference_tanh(UH(X(b[0], 0), 0));
    if (w->kind == MR_LSTM) {
      float i = reference_sigmoid(UH(X(b[0], 0), 0)), f = reference_sigmoid(UH(X(b[H], 1), 1));
      float g = reference_tanh(UH(X(b[2 * H], 2), 2)), o = reference_sigmoid(UH(X(b[3 * H], 3), 3)), ig = i * g;
      c[u] = fmaf(f, c[u], ig);
      out[u] = o * reference_tanh(c[u]);
    }
    if (w->kind == MR_GRU) {
      float z = reference_sigmoid(UH(X(b[0] + b[3 * H], 0), 0)), r = reference_sigmoid(UH(X(b[H] + b[4 * H], 1), 1));
      float hh = reference_tanh(fmaf(r, UH(b[5 * H], 2), X(b[2 * H], 2)));
      out[u] = fmaf(z, h[u] - hh, hh);
    }
    if (w->kind == MR_GRU_BEFORE) {
      update[u] = reference_sigmoid(UH(X(b[0], 0), 0)), reset[u] = reference_sigmoid(UH(X(b[H], 1), 1));
      product[u] = reset[u] * h[u];
    }
  }
  if (w->kind == MR_GRU_BEFORE)
    for (int u = 0; u < H; u++) {
      float hh = reference_tanh(chain(X(w->b[2 * H + u], 2), H, product, w->U, width, 2 * H + u));
      out[u] = fmaf(update[u], h[u] - hh, hh);
    }
#undef X
#undef UH
}
#endif
