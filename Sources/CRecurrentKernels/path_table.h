// path_table.h: the bodies and the table of one path. A path file includes it last.
#include "functions_body.h"
#include "gates_body.h"
#include "f32_body.h"
#include "int8_body.h"
#include "bf16_wide_body.h"
#include "bf16_body.h"
#include "rows_body.h"

const mr_path NAME(table) = {
  .name = PATH_NAME,
  .lanes = LANES,
  .available = NAME(available),
  .f32 = NAME(f32_run),
  .int8_group = GROUP,
  .int8_bias = QBIAS,
  .quantise = NAME(quantise),
  .int8 = NAME(int8_run),
  .bf16 = NAME(bf16_run),
#ifdef BF16_DOT
  .bf16_dot = BF16_DOT,
#endif
  .taps = NAME(taps),
  .unit = NAME(unit),
  .softmax = NAME(softmax),
  .layer_norm = NAME(layer_norm),
  .lstm_cell = NAME(lstm_cell),
  .blend = NAME(blend),
  .multiply = NAME(multiply),
  .fuse = NAME(fuse),
};
