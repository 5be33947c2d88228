#include <hdf5.h>
#include <stdio.h>

// Macros with casts and calls are not visible to Swift.
static inline hid_t chdf5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t chdf5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline unsigned chdf5_read_only(void) { return H5F_ACC_RDONLY; }
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
