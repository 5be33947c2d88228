#include <hdf5.h>
#include <stdio.h>

// Macros with casts and calls are not visible to Swift.
static inline hid_t chdf5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t chdf5_default(void) { return H5P_DEFAULT; }
static inline hid_t chdf5_all(void) { return H5S_ALL; }

// A function here, a macro for a versioned function from 1.12 on. Returns whether the link is a
// hard one; negative when there is none.
static inline int chdf5_is_hard_link(hid_t location, const char *name) {
  H5L_info_t information;
  if (H5Lget_info(location, name, &information, H5P_DEFAULT) < 0) return -1;
  return information.type == H5L_TYPE_HARD;
}

// Where an object's header stands in the file; negative when it cannot be opened.
static inline int64_t chdf5_header_address(hid_t location, const char *name) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info1_t information;
#else
  H5O_info_t information;
#endif
#if H5_VERSION_GE(1, 10, 3)
  if (H5Oget_info_by_name2(location, name, &information, H5O_INFO_BASIC, H5P_DEFAULT) < 0)
    return -1;
#else
  if (H5Oget_info_by_name(location, name, &information, H5P_DEFAULT) < 0) return -1;
#endif
  return (int64_t)information.addr;
}

// Whether a type is one that numbers are usually of: an IEEE float of 16, 32 or 64 bits, or an integer of 8 to 64 that
// fills its bytes. The library would read any other that a damaged file describes, as other numbers.
static inline int chdf5_is_usual_number(hid_t type) {
  const size_t size = H5Tget_size(type);
  const H5T_order_t order = H5Tget_order(type);
  if (H5Tget_offset(type) != 0 || H5Tget_precision(type) != size * 8) return 0;
  if (size > 1 && order != H5T_ORDER_LE && order != H5T_ORDER_BE) return 0;
  if (H5Tget_class(type) == H5T_INTEGER) return size == 1 || size == 2 || size == 4 || size == 8;
  size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
  if (H5Tget_class(type) != H5T_FLOAT || H5Tget_norm(type) != H5T_NORM_IMPLIED) return 0;
  if (H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) return 0;
  const size_t wanted = size == 2 ? 10 : size == 4 ? 23 : size == 8 ? 52 : 0, bits = size * 8 - 1 - wanted;
  return wanted && mantissa == 0 && mantissa_bits == wanted && exponent == wanted && exponent_bits == bits && sign == size * 8 - 1 &&
         H5Tget_ebias(type) == ((size_t)1 << (bits - 1)) - 1;
}

// Where a dataset's bytes start when they are in one piece; negative when they are not.
static inline int64_t chdf5_offset(hid_t dataset) {
  const haddr_t address = H5Dget_offset(dataset);
  return address == HADDR_UNDEF ? -1 : (int64_t)address;
}

// The file's bytes are handed to the library in place; of itself it would copy them three times.
static inline void *chdf5_image_same(size_t size, H5FD_file_image_op_t operation, void *image) {
  (void)size, (void)operation;
  return image;
}
static inline void *chdf5_image_stays(void *to, const void *from, size_t size, H5FD_file_image_op_t operation, void *image) {
  (void)from, (void)size, (void)operation, (void)image;
  return to;
}
static inline void *chdf5_image_never(void *memory, size_t size, H5FD_file_image_op_t operation, void *image) {
  (void)memory, (void)size, (void)operation, (void)image;
  return NULL;
}
static inline herr_t chdf5_image_kept(void *memory, H5FD_file_image_op_t operation, void *image) {
  (void)memory, (void)operation, (void)image;
  return 0;
}
static inline void *chdf5_image_itself(void *image) { return image; }
static inline herr_t chdf5_image_done(void *image) {
  (void)image;
  return 0;
}

// Opens bytes as a file that is only read; they must stay where they are until it is closed. When it
// cannot be opened, `reason` says why: closing what was made for it forgets that.
static inline void chdf5_reason(char *bytes, size_t size);
static inline hid_t chdf5_open_bytes(void *bytes, size_t count, char *reason, size_t size) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0) return -1;
  H5FD_file_image_callbacks_t in_place = {chdf5_image_same,  chdf5_image_stays,  chdf5_image_never, chdf5_image_kept,
                                          chdf5_image_itself, chdf5_image_done, bytes};
  hid_t file = -1;
  // What a broken object left open is closed with the file.
  if (H5Pset_fapl_core(access, 1 << 20, 0) >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
      H5Pset_file_image_callbacks(access, &in_place) >= 0 && H5Pset_file_image(access, bytes, count) >= 0)
    file = H5Fopen("image", H5F_ACC_RDONLY, access);
  if (file < 0) chdf5_reason(reason, size);
  H5Pclose(access);
  return file;
}

// The library prints its errors to stderr and loads filters from folders that the environment
// names; neither is wanted.
static inline void chdf5_quiet(void) {
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  H5PLset_loading_state(0);
}

struct chdf5_text {
  char bytes[256];
};

static inline herr_t chdf5_take_first(unsigned index, const H5E_error2_t *error, void *text) {
  if (index == 0 && error->desc != NULL)
    snprintf(((struct chdf5_text *)text)->bytes, sizeof(struct chdf5_text), "%s", error->desc);
  return 0;
}

// What the library says first about its latest error; empty when it says nothing.
static inline void chdf5_reason(char *bytes, size_t size) {
  struct chdf5_text text = {{0}};
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, chdf5_take_first, &text);
  snprintf(bytes, size, "%s", text.bytes);
}
