// path_table.h: the table of one path, behind path_bodies.h. Included once for each path of a file, after defining TABLE, PATH_NAME,
// AVAILABLE, and ROUND, BF16_RUN, INT8_RUN, WORDS and BLOCK_STREAMS where they are not the bodies' own.
#ifndef ROUND
#define ROUND NULL
#define BF16_RUN NAME(bf16_run)
#endif
#ifndef WORDS
#define INT8_RUN NAME(int8_run)
#define WORDS 1
#define BLOCK_STREAMS MR_BLOCK
#endif
const mr_path TABLE = {
  .name = PATH_NAME,
  .lanes = LANES,
  .available = AVAILABLE,
  .f32 = NAME(f32_run),
  .int8_group = GROUP,
  .int8_bias = QBIAS,
  .quantise = NAME(quantise),
  .int8 = INT8_RUN,
  .round = ROUND,
  .bf16 = BF16_RUN,
  .block = BLOCK_STREAMS,
  .words = WORDS,
  .taps = NAME(taps),
  .unit = NAME(unit),
  .softmax = NAME(softmax),
  .layer_norm = NAME(layer_norm),
  .lstm_cell = NAME(lstm_cell),
  .blend = NAME(blend),
  .multiply = NAME(multiply),
  .fuse = NAME(fuse),
};
#undef TABLE
#undef PATH_NAME
#undef AVAILABLE
#undef ROUND
#undef BF16_RUN
#undef INT8_RUN
#undef WORDS
#undef BLOCK_STREAMS
