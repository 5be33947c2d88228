// path_bodies.h: all bodies of one path, which defines their macros before.
#include "functions_body.h"
#include "gates_body.h"
#include "f32_body.h"
#include "int8_body.h"
#include "bf16_wide_body.h"
#include "bf16_body.h"
#include "rows_body.h"
