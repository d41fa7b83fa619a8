// What of libjpeg's interface shim/jpeg.cpp uses, as libjpeg-turbo declares it for programs of version 6.2, whose
// headers a machine need not have. The library compares version and size of jpeg_decompress_struct with its own and
// refuses others.
#pragma once

#include <cstddef>

namespace libjpeg {

constexpr int kVersion = 62;
constexpr int kMessageLength = 200;

enum ColorSpace : int { kUnknown, kGrayscale, kRgb, kYCbCr, kCmyk, kYcck };

struct Common;
struct Decompress;
struct Memory;

struct ErrorManager {
  void (*error_exit)(Common *);
  void (*emit_message)(Common *, int level);
  void (*output_message)(Common *);
  void (*format_message)(Common *, char *buffer);
  void (*reset_error_mgr)(Common *);
  int msg_code;
  union {
    int i[8];
    char s[80];
  } msg_parm;
  int trace_level;
  long num_warnings;
  const char *const *jpeg_message_table;
  int last_jpeg_message;
  const char *const *addon_message_table;
  int first_addon_message;
  int last_addon_message;
};

struct ProgressManager {
  void (*progress_monitor)(Common *);
  long pass_counter;
  long pass_limit;
  int completed_passes;
  int total_passes;
};

struct SourceManager {
  const unsigned char *next_input_byte;
  size_t bytes_in_buffer;
  void (*init_source)(Decompress *);
  int (*fill_input_buffer)(Decompress *);
  void (*skip_input_data)(Decompress *, long bytes);
  int (*resync_to_restart)(Decompress *, int desired);
  void (*term_source)(Decompress *);
};

// The fields that compressing and decompressing have in common.
struct Common {
  ErrorManager *err;
  Memory *mem;
  ProgressManager *progress;
  void *client_data;
  int is_decompressor;
  int global_state;
};

// jpeg_decompress_struct.
struct Decompress : Common {
  SourceManager *src;
  unsigned image_width;
  unsigned image_height;
  int num_components;
  ColorSpace jpeg_color_space;
  ColorSpace out_color_space;
  unsigned scale_num, scale_denom;
  double output_gamma;
  int buffered_image;
  int raw_data_out;
  int dct_method;
  int do_fancy_upsampling;
  int do_block_smoothing;
  int quantize_colors;
  int dither_mode;
  int two_pass_quantize;
  int desired_number_of_colors;
  int enable_1pass_quant;
  int enable_external_quant;
  int enable_2pass_quant;
  unsigned output_width;
  unsigned output_height;
  int out_color_components;
  int output_components;
  int rec_outbuf_height;
  int actual_number_of_colors;
  unsigned char **colormap;
  unsigned output_scanline;
  int input_scan_number;
  unsigned input_iMCU_row;
  int output_scan_number;
  unsigned output_iMCU_row;
  int (*coef_bits)[64];
  void *quant_tbl_ptrs[4];
  void *dc_huff_tbl_ptrs[4];
  void *ac_huff_tbl_ptrs[4];
  int data_precision;
  void *comp_info;
  int progressive_mode;
  int arith_code;
  unsigned char arith_dc_L[16];
  unsigned char arith_dc_U[16];
  unsigned char arith_ac_K[16];
  unsigned restart_interval;
  int saw_JFIF_marker;
  unsigned char JFIF_major_version;
  unsigned char JFIF_minor_version;
  unsigned char density_unit;
  unsigned short X_density;
  unsigned short Y_density;
  int saw_Adobe_marker;
  unsigned char Adobe_transform;
  int CCIR601_sampling;
  void *marker_list;
  int max_h_samp_factor;
  int max_v_samp_factor;
  int min_DCT_scaled_size;
  unsigned total_iMCU_rows;
  unsigned char *sample_range_limit;
  int comps_in_scan;
  void *cur_comp_info[4];
  unsigned MCUs_per_row;
  unsigned MCU_rows_in_scan;
  int blocks_in_MCU;
  int MCU_membership[10];
  int Ss, Se, Ah, Al;
  int unread_marker;
  // The library's own parts: master, main, coef, post, inputctl, marker, entropy, idct, upsample, cconvert, cquantize.
  void *parts[11];
};

// The library's functions, in the order of native/src/data/photos/jpeg.rs.
struct Functions {
  ErrorManager *(*std_error)(ErrorManager *);
  void (*create)(Decompress *, int version, size_t size);
  int (*read_header)(Decompress *, int require_image);
  int (*start)(Decompress *);
  unsigned (*read_scanlines)(Decompress *, unsigned char **rows, unsigned count);
  int (*resync_to_restart)(Decompress *, int desired);
  void (*destroy)(Decompress *);
};

}  // namespace libjpeg
