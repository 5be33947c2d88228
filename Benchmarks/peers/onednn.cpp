// onednn.cpp: the step of a stack of layers by oneDNN (API of version 2 or 3), behind three C calls.
// Weights are given in Keras' layout, which is oneDNN's ldigo; the gate orders are the same, i f c o and z r h.
#include <cstdio>
#include <cstring>
#include <ctime>
#include <dnnl.hpp>
#include <unordered_map>
#include <vector>

using dnnl::memory;
using type = memory::data_type;
using tag = memory::format_tag;

namespace {

struct Stack {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments[2]; // h and c go to and fro between two places
  int phase = 0;
  int layers, units, streams;
};

double seconds() { // processor time of this thread
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

// A memory of this form with these values.
memory filled(Stack &stack, const memory::desc &form, const memory::dims &dims, tag plain, const std::vector<float> &values) {
  memory from({dims, type::f32, plain}, stack.engine), to(form, stack.engine);
  memcpy(from.get_data_handle(), values.data(), values.size() * sizeof(float));
  dnnl::reorder(from, to).execute(stack.stream, from, to);
  stack.stream.wait();
  return to;
}

struct Weights { std::vector<float> w, u, b; };

} // namespace

// kind: 0 LSTM, 1 GRU with reset_after, 3 SimpleRNN. weights[layer]: W, U and bias, one after the other. x: [steps][streams][units].
extern "C" void *onednn_make(int kind, int layers, int units, int streams, int steps, int bf16, const float *const *weights, const float *x) try {
  auto *stack = new Stack;
  stack->layers = layers, stack->units = units, stack->streams = streams;
  const long L = layers, H = units, B = streams, T = steps, G = kind == 0 ? 4 : kind == 1 ? 3 : 1, GB = kind == 1 ? 4 : G;
  const type value = bf16 ? type::bf16 : type::f32;
  Weights all;
  for (int layer = 0; layer < layers; layer++) {
    const float *w = weights[layer], *u = w + H * G * H, *b = u + H * G * H;
    all.w.insert(all.w.end(), w, u);
    all.u.insert(all.u.end(), u, b);
    for (long j = 0; j < GB * H; j++) // GRU: z and r have one bias, the candidate two
      all.b.push_back(kind != 1 ? b[j] : j < 2 * H ? b[j] + b[3 * H + j] : j < 3 * H ? b[j] : b[2 * H + j]);
  }
  const memory::dims input{T, B, H}, state{L, 1, B, H}, matrix{L, 1, H, G, H}, bias{L, 1, GB, H};
  const memory::desc src(input, value, tag::tnc), h(state, value, tag::ldnc), c(state, type::f32, tag::ldnc), dst(input, value, tag::tnc);
  const memory::desc any(matrix, value, tag::any), b(bias, type::f32, tag::ldgo);
  const auto way = dnnl::rnn_direction::unidirectional_left2right;
  const auto use = dnnl::prop_kind::forward_inference;
  memory::desc w, u;
  auto take = [&](auto description, auto make) { w = description.weights_layer_desc(), u = description.weights_iter_desc(), stack->primitive = make(description); };
#if DNNL_VERSION_MAJOR >= 3
#define DESCRIBE(P, ...) P::primitive_desc(stack->engine, use, __VA_ARGS__)
#else
#define DESCRIBE(P, ...) P::primitive_desc({use, __VA_ARGS__}, stack->engine)
#endif
  if (kind == 0) take(DESCRIBE(dnnl::lstm_forward, way, src, h, c, any, any, b, dst, h, c), [](auto &d) { return dnnl::lstm_forward(d); });
  else if (kind == 1) take(DESCRIBE(dnnl::lbr_gru_forward, way, src, h, any, any, b, dst, h), [](auto &d) { return dnnl::lbr_gru_forward(d); });
  else take(DESCRIBE(dnnl::vanilla_rnn_forward, dnnl::algorithm::eltwise_tanh, way, src, h, any, any, b, dst, h), [](auto &d) { return dnnl::vanilla_rnn_forward(d); });
  const std::vector<float> zeros(L * B * H), inputs(x, x + T * B * H);
  memory place[2], cell[2], out(dst, stack->engine);
  for (int i = 0; i < 2; i++) place[i] = filled(*stack, h, state, tag::ldnc, zeros), cell[i] = filled(*stack, c, state, tag::ldnc, zeros);
  const memory in = filled(*stack, src, input, tag::tnc, inputs), wm = filled(*stack, w, matrix, tag::ldigo, all.w),
               um = filled(*stack, u, matrix, tag::ldigo, all.u), bm = filled(*stack, b, bias, tag::ldgo, all.b);
  for (int i = 0; i < 2; i++) {
    stack->arguments[i] = {{DNNL_ARG_SRC_LAYER, in}, {DNNL_ARG_SRC_ITER, place[i]}, {DNNL_ARG_WEIGHTS_LAYER, wm}, {DNNL_ARG_WEIGHTS_ITER, um},
                           {DNNL_ARG_BIAS, bm}, {DNNL_ARG_DST_LAYER, out}, {DNNL_ARG_DST_ITER, place[1 - i]}};
    if (kind == 0) stack->arguments[i].insert({{DNNL_ARG_SRC_ITER_C, cell[i]}, {DNNL_ARG_DST_ITER_C, cell[1 - i]}});
  }
  return stack;
} catch (dnnl::error &error) {
  fprintf(stderr, "oneDNN: %s\n", error.what());
  return nullptr;
}
extern "C" double onednn_run(void *handle, int times) {
  auto *stack = static_cast<Stack *>(handle);
  const double start = seconds();
  for (int i = 0; i < times; i++) {
    stack->primitive.execute(stack->stream, stack->arguments[stack->phase]);
    stack->stream.wait();
    stack->phase ^= 1;
  }
  return seconds() - start;
}
// h of the last layer, all streams.
extern "C" void onednn_answer(void *handle, float *to) {
  auto *stack = static_cast<Stack *>(handle);
  memory from = stack->arguments[stack->phase].at(DNNL_ARG_SRC_ITER);
  const size_t row = (size_t)stack->streams * stack->units;
  memory plain({{stack->layers, 1, stack->streams, stack->units}, type::f32, tag::ldnc}, stack->engine);
  dnnl::reorder(from, plain).execute(stack->stream, from, plain);
  stack->stream.wait();
  memcpy(to, static_cast<float *>(plain.get_data_handle()) + (stack->layers - 1) * row, row * sizeof(float));
}
extern "C" void onednn_free(void *handle) { delete static_cast<Stack *>(handle); }
extern "C" const char *onednn_version() {
  static char text[32];
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
  return text;
}
