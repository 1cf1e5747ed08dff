           1  PyCodec_Register [python3.11]
           1  PyConfig_SetBytesArgv [python3.11]
           1  PyErr_SetImportError [python3.11]
           1  PyErr_SetImportErrorSubclass [python3.11]
           1  PyFile_NewStdPrinter [python3.11]
           1  PyFile_WriteString [python3.11]
           1  PyFloat_AsDouble [python3.11]
           1  PyFloat_GetInfo [python3.11]
           1  PyGC_Collect [python3.11]
           1  PyImport_GetImporter [python3.11]
           1  PyImport_GetMagicNumber [python3.11]
           1  PyImport_ImportFrozenModule [python3.11]
           1  PyImport_ImportFrozenModuleObject [python3.11]
           1  PyInit__abc [python3.11]
           1  PyInit__codecs [python3.11]
           1  PyInit__imp [python3.11]
           1  PyInit__io [python3.11]
           1  PyInit__signal [python3.11]
           1  PyInit__stat [python3.11]
           1  PyInit__thread [python3.11]
           1  PyInit__weakref [python3.11]
           1  PyInit_posix [python3.11]
           1  PyInit_time [python3.11]
           1  PyInterpreterState_Delete [python3.11]
           1  PyInterpreterState_New [python3.11]
           1  PyLong_AsLongAndOverflow [python3.11]
           1  PyLong_FromString [python3.11]
           1  PyLong_FromUnicodeObject [python3.11]
           1  PyLong_GetInfo [python3.11]
           1  PyMapping_SetItemString [python3.11]
           1  PyMarshal_Init [python3.11]
           1  PyMarshal_ReadObjectFromString [python3.11]
           1  PyModule_Create2 [python3.11]
           1  PyModule_GetFilenameObject [python3.11]
           1  PyNumber_Lshift [python3.11]
           1  PyOS_double_to_string [python3.11]
           1  PyObject_Dir [python3.11]
           1  PyObject_SetAttrString [python3.11]
           1  PyObject_VectorcallDict [python3.11]
           1  PySequence_Fast [python3.11]
           1  PySet_Discard [python3.11]
           1  PyThreadState_Clear [python3.11]
           1  PyThreadState_New [python3.11]
           1  PyThreadState_Swap [python3.11]
           1  PyThread_GetInfo [python3.11]
           1  PyThread_get_thread_native_id [python3.11]
           1  PyThread_tss_create [python3.11]
           1  PyThread_tss_delete [python3.11]
           1  PyThread_tss_get [python3.11]
           1  PyThread_tss_set [python3.11]
           1  PyUnicode_DecodeFSDefaultAndSize [python3.11]
           1  PyUnicode_IsIdentifier [python3.11]
           1  PyUnicode_Tailmatch [python3.11]
           1  Py_BytesMain [python3.11]
           1  Py_FinalizeEx [python3.11]
           1  Py_GETENV [python3.11]
           1  Py_GetBuildInfo [python3.11]
           1  Py_GetVersion [python3.11]
           1  Py_InitializeFromConfig [python3.11]
           1  Py_MakePendingCalls [python3.11]
           1  Py_RunMain [python3.11]
           1  _PyArg_UnpackKeywordsWithVararg [python3.11]
           1  _PyConfig_AsDict [python3.11]
           1  _PyConfig_FromDict [python3.11]
           1  _PyErr_CheckSignalsTstate [python3.11]
           1  _PyEval_SliceIndex [python3.11]
           1  _PyImport_SetModuleString [python3.11]
           1  _PyInterpreterState_Enable [python3.11]
           1  _PyLong_AsByteArray [python3.11]
           1  _PyObject_GC_Resize [python3.11]
           1  _PyPathConfig_ClearGlobal [python3.11]
           1  _PyRun_AnyFileObject [python3.11]
           1  _PyRun_SimpleFileObject [python3.11]
           1  _PyRuntimeState_Init [python3.11]
           1  _PyRuntime_Finalize [python3.11]
           1  _PyThreadState_DeleteExcept [python3.11]
           1  _PyThreadState_Swap [python3.11]
           1  _PyThreadState_UncheckedGet [python3.11]
           1  _PyTime_AsSecondsDouble [python3.11]
           1  _PyUnicode_FindMaxChar [python3.11]
           1  _PyUnicode_IsDigit [python3.11]
           1  _PyUnicode_IsNumeric [python3.11]
           1  _PyUnicode_ScanIdentifier [python3.11]
           1  _PyWarnings_Init [python3.11]
           1  _Py_ClearArgcArgv [python3.11]
           1  _Py_FdIsInteractive [python3.11]
           1  _Py_GetForceASCII [python3.11]
           1  _Py_IsLocaleCoercionTarget [python3.11]
           1  _Py_LegacyLocaleDetected [python3.11]
           1  _Py_PreInitializeFromPyArgv [python3.11]
           1  _Py_convert_optional_to_ssize_t [python3.11]
           1  _Py_dg_dtoa [python3.11]
           1  _Py_dg_freedtoa [python3.11]
           1  _Py_fopen_obj [python3.11]
           1  _Py_wrealpath [python3.11]
           1  __GI___tunables_init [ld-linux-x86-64.so.2]
           1  __acos_finite [libm.so.6]
           1  __asin_finite [libm.so.6]
           1  __atan2_finite [libm.so.6]
           1  __do_global_dtors_aux [libm.so.6]
           1  __exp_finite [libm.so.6]
           1  __floor_sse41 [libm.so.6]
           1  __ieee754_log_fma [libm.so.6]
           1  __log1p [libm.so.6]
           1  __log_finite [libm.so.6]
           1  __pow_finite [libm.so.6]
           1  __rtld_malloc_init_real [ld-linux-x86-64.so.2]
           1  __rtld_malloc_init_stubs [ld-linux-x86-64.so.2]
           1  __rtld_mutex_init [ld-linux-x86-64.so.2]
           1  __tls_init_tp [ld-linux-x86-64.so.2]
           1  __tls_pre_init_tp [ld-linux-x86-64.so.2]
           1  __x86_cpu_features [ld-linux-x86-64.so.2]
           1  _dl_add_to_slotinfo [ld-linux-x86-64.so.2]
           1  _dl_allocate_tls_init [ld-linux-x86-64.so.2]
           1  _dl_allocate_tls_storage [ld-linux-x86-64.so.2]
           1  _dl_assign_tls_modid [ld-linux-x86-64.so.2]
           1  _dl_audit_activity_map [ld-linux-x86-64.so.2]
           1  _dl_audit_preinit [ld-linux-x86-64.so.2]
           1  _dl_call_libc_early_init [ld-linux-x86-64.so.2]
           1  _dl_check_all_versions [ld-linux-x86-64.so.2]
           1  _dl_count_modids [ld-linux-x86-64.so.2]
           1  _dl_debug_initialize [ld-linux-x86-64.so.2]
           1  _dl_determine_tlsoffset [ld-linux-x86-64.so.2]
           1  _dl_find_object_init [ld-linux-x86-64.so.2]
           1  _dl_fini [ld-linux-x86-64.so.2]
           1  _dl_hwcaps_subdirs_active [ld-linux-x86-64.so.2]
           1  _dl_important_hwcaps [ld-linux-x86-64.so.2]
           1  _dl_init [ld-linux-x86-64.so.2]
           1  _dl_init_paths [ld-linux-x86-64.so.2]
           1  _dl_map_object_deps [ld-linux-x86-64.so.2]
           1  _dl_next_ld_env_entry [ld-linux-x86-64.so.2]
           1  _dl_receive_error [ld-linux-x86-64.so.2]
           1  _dl_sort_maps_init [ld-linux-x86-64.so.2]
           1  _dl_start [ld-linux-x86-64.so.2]
           1  _dl_sysdep_parse_arguments [ld-linux-x86-64.so.2]
           1  _dl_sysdep_read_whole_file [ld-linux-x86-64.so.2]
           1  _dl_sysdep_start [ld-linux-x86-64.so.2]
           1  _dl_sysdep_start_cleanup [ld-linux-x86-64.so.2]
           1  _dl_tls_initial_modid_limit_setup [ld-linux-x86-64.so.2]
           1  _dl_tls_static_surplus_init [ld-linux-x86-64.so.2]
           1  _dl_unload_cache [ld-linux-x86-64.so.2]
           1  _dl_x86_init_cpu_features [ld-linux-x86-64.so.2]
           1  _dlfo_sort_mappings [ld-linux-x86-64.so.2]
           1  _fini [libm.so.6]
           1  _init [libm.so.6]
           1  _start [python3.11]
           1  access [ld-linux-x86-64.so.2]
           1  allocate_dtv [ld-linux-x86-64.so.2]
           1  bcmp [ld-linux-x86-64.so.2]
           1  brk [ld-linux-x86-64.so.2]
           1  cos [libm.so.6]
           1  cosf [libm.so.6]
           1  deregister_tm_clones [libm.so.6]
           1  dl_main [ld-linux-x86-64.so.2]
           1  exp2f [libm.so.6]
           1  expf [libm.so.6]
           1  expm1 [libm.so.6]
           1  floor [libm.so.6]
           1  fma [libm.so.6]
           1  frame_dummy [libm.so.6]
           1  get_common_indices.constprop.0 [ld-linux-x86-64.so.2]
           1  init_cpu_features.constprop.0 [ld-linux-x86-64.so.2]
           1  init_tls [ld-linux-x86-64.so.2]
           1  libexpat.so.1.8.10+0x4000
           1  libexpat.so.1.8.10+0x4120
           1  libexpat.so.1.8.10+0x4190
           1  libexpat.so.1.8.10+0x41d0
           1  libz.so.1.2.13+0x3000
           1  libz.so.1.2.13+0x3340
           1  libz.so.1.2.13+0x33b0
           1  libz.so.1.2.13+0x33f0
           1  log [libm.so.6]
           1  log2 [libm.so.6]
           1  log2f [libm.so.6]
           1  logf [libm.so.6]
           1  munmap [ld-linux-x86-64.so.2]
           1  powf [libm.so.6]
           1  python3.11+0x41f000
           1  python3.11+0x4ced50
           1  python3.11+0x4e8d20
           1  python3.11+0x54f120
           1  python3.11+0x551fe0
           1  python3.11+0x55e470
           1  python3.11+0x571d40
           1  python3.11+0x575820
           1  python3.11+0x5775e0
           1  python3.11+0x577ba0
           1  python3.11+0x5831f0
           1  python3.11+0x591880
           1  python3.11+0x596750
           1  python3.11+0x596a30
           1  python3.11+0x596a80
           1  python3.11+0x597190
           1  python3.11+0x597740
           1  python3.11+0x5977b0
           1  python3.11+0x597f50
           1  python3.11+0x598420
           1  python3.11+0x598460
           1  python3.11+0x59b090
           1  python3.11+0x59bba0
           1  python3.11+0x59c510
           1  python3.11+0x59d2e0
           1  python3.11+0x59fcd0
           1  python3.11+0x5a0980
           1  python3.11+0x5a1d90
           1  python3.11+0x5a1f90
           1  python3.11+0x5a77b0
           1  python3.11+0x5a77e0
           1  python3.11+0x5ac290
           1  python3.11+0x5addf0
           1  python3.11+0x5b01b0
           1  python3.11+0x5ba2f0
           1  python3.11+0x5c43b0
           1  python3.11+0x60a7d0
           1  python3.11+0x60a840
           1  python3.11+0x60a870
           1  python3.11+0x60a880
           1  python3.11+0x60aa70
           1  python3.11+0x60ac50
           1  python3.11+0x60ac80
           1  python3.11+0x60af90
           1  python3.11+0x60bf30
           1  python3.11+0x60cf30
           1  python3.11+0x60ef00
           1  python3.11+0x60f1f0
           1  python3.11+0x60f300
           1  python3.11+0x60f390
           1  python3.11+0x60fd20
           1  python3.11+0x610260
           1  python3.11+0x610500
           1  python3.11+0x6109e0
           1  python3.11+0x610bc0
           1  python3.11+0x610c70
           1  python3.11+0x610f90
           1  python3.11+0x614620
           1  python3.11+0x614c50
           1  python3.11+0x615140
           1  python3.11+0x616db0
           1  python3.11+0x616e70
           1  python3.11+0x616e80
           1  python3.11+0x617390
           1  python3.11+0x618080
           1  python3.11+0x6183a0
           1  python3.11+0x6188f0
           1  python3.11+0x618e80
           1  python3.11+0x619180
           1  python3.11+0x61a960
           1  python3.11+0x61a9a0
           1  python3.11+0x61b190
           1  python3.11+0x61c830
           1  python3.11+0x61c840
           1  python3.11+0x61e260
           1  python3.11+0x61e6a0
           1  python3.11+0x61eb90
           1  python3.11+0x61f480
           1  python3.11+0x6200d0
           1  python3.11+0x620310
           1  python3.11+0x620c30
           1  python3.11+0x621010
           1  python3.11+0x6210c0
           1  python3.11+0x621130
           1  python3.11+0x621160
           1  python3.11+0x6211f0
           1  python3.11+0x621260
           1  python3.11+0x623650
           1  python3.11+0x623d20
           1  python3.11+0x6244a0
           1  python3.11+0x624ba0
           1  python3.11+0x625420
           1  python3.11+0x626800
           1  python3.11+0x6286f0
           1  python3.11+0x629140
           1  python3.11+0x629600
           1  python3.11+0x629db0
           1  python3.11+0x62a220
           1  python3.11+0x62a230
           1  python3.11+0x62a240
           1  python3.11+0x62a250
           1  python3.11+0x62a260
           1  python3.11+0x62a270
           1  python3.11+0x62a280
           1  python3.11+0x62a2b0
           1  python3.11+0x62a2c0
           1  python3.11+0x62a2d0
           1  python3.11+0x62a2e0
           1  python3.11+0x62a960
           1  python3.11+0x62a970
           1  python3.11+0x62a980
           1  python3.11+0x62a9e0
           1  python3.11+0x62a9f0
           1  python3.11+0x62b330
           1  python3.11+0x62ba00
           1  python3.11+0x62bb30
           1  python3.11+0x62bc40
           1  python3.11+0x62c2d0
           1  python3.11+0x62e360
           1  python3.11+0x6325d0
           1  python3.11+0x632aa0
           1  python3.11+0x632be0
           1  python3.11+0x6331c0
           1  python3.11+0x6331d0
           1  python3.11+0x6332b0
           1  python3.11+0x6337f0
           1  python3.11+0x633910
           1  python3.11+0x636430
           1  python3.11+0x636440
           1  python3.11+0x636450
           1  python3.11+0x636490
           1  python3.11+0x636950
           1  python3.11+0x6372a0
           1  python3.11+0x637370
           1  python3.11+0x637470
           1  python3.11+0x6374e0
           1  python3.11+0x637520
           1  python3.11+0x637a30
           1  python3.11+0x638050
           1  python3.11+0x6380d0
           1  python3.11+0x6386f0
           1  python3.11+0x638790
           1  python3.11+0x638880
           1  python3.11+0x6388e0
           1  python3.11+0x6392e0
           1  python3.11+0x6393f0
           1  python3.11+0x639400
           1  python3.11+0x639440
           1  python3.11+0x639620
           1  python3.11+0x6396e0
           1  python3.11+0x639700
           1  python3.11+0x639880
           1  python3.11+0x639890
           1  python3.11+0x6398a0
           1  python3.11+0x6398b0
           1  python3.11+0x63ae00
           1  python3.11+0x63aec0
           1  python3.11+0x63af10
           1  python3.11+0x63bb40
           1  python3.11+0x63bff0
           1  python3.11+0x63c1f0
           1  python3.11+0x63cdc0
           1  python3.11+0x63d3d0
           1  python3.11+0x63da50
           1  python3.11+0x63e7f0
           1  python3.11+0x63e9d0
           1  python3.11+0x63eaa0
           1  python3.11+0x63ef80
           1  python3.11+0x63f0d0
           1  python3.11+0x63f290
           1  python3.11+0x63f2a0
           1  python3.11+0x63f2b0
           1  python3.11+0x63f2c0
           1  python3.11+0x63fca0
           1  python3.11+0x6435c0
           1  python3.11+0x6444d0
           1  python3.11+0x64e8e0
           1  python3.11+0x64e9e0
           1  python3.11+0x64ed90
           1  python3.11+0x66de60
           1  register_tm_clones [libm.so.6]
           1  sbrk [ld-linux-x86-64.so.2]
           1  sin [libm.so.6]
           1  sincos [libm.so.6]
           1  sincosf [libm.so.6]
           1  sinf [libm.so.6]
           1  strncmp [ld-linux-x86-64.so.2]
           1  time [[vdso]]
           1  update_active.constprop.0 [ld-linux-x86-64.so.2]
           1  version_check_doit [ld-linux-x86-64.so.2]
           2  PyBytes_AsString [python3.11]
           2  PyDict_GetItem [python3.11]
           2  PyErr_NewException [python3.11]
           2  PyErr_SetString [python3.11]
           2  PyException_SetCause [python3.11]
           2  PyFile_WriteObject [python3.11]
           2  PyImport_GetModule [python3.11]
           2  PyList_Insert [python3.11]
           2  PyOS_snprintf [python3.11]
           2  PyObject_Type [python3.11]
           2  PyThread_init_thread [python3.11]
           2  PyUnicode_Contains [python3.11]
           2  PyUnicode_Decode [python3.11]
           2  PyVectorcall_Function [python3.11]
           2  Py_GenericAlias [python3.11]
           2  _PyArg_UnpackStack [python3.11]
           2  _PyArgv_AsWstrList [python3.11]
           2  _PyBytesWriter_Finish [python3.11]
           2  _PyBytesWriter_Prepare [python3.11]
           2  _PyBytes_DecodeEscape2 [python3.11]
           2  _PyCodecInfo_GetIncrementalEncoder [python3.11]
           2  _PyImport_FixupBuiltin [python3.11]
           2  _PyNamespace_New [python3.11]
           2  _PyRuntimeState_Fini [python3.11]
           2  _PyRuntime_Initialize [python3.11]
           2  _PyTime_localtime [python3.11]
           2  _PyUnicodeWriter_Finish [python3.11]
           2  _PyUnicodeWriter_WriteASCIIString [python3.11]
           2  _PyUnicode_DecodeUnicodeEscapeInternal2 [python3.11]
           2  _PyUnicode_IsDecimalDigit [python3.11]
           2  _PyWideStringList_Extend [python3.11]
           2  _Py_ClearStandardStreamEncoding [python3.11]
           2  _Py_SetLocaleFromEnv [python3.11]
           2  _Py_str_to_int [python3.11]
           2  __pread64_nocancel [ld-linux-x86-64.so.2]
           2  _dl_debug_state [ld-linux-x86-64.so.2]
           2  _dl_sort_maps [ld-linux-x86-64.so.2]
           2  _dlfo_process_initial [ld-linux-x86-64.so.2]
           2  copy_hwcaps [ld-linux-x86-64.so.2]
           2  python3.11+0x4ea530
           2  python3.11+0x51f340
           2  python3.11+0x52d300
           2  python3.11+0x530ca0
           2  python3.11+0x531fa0
           2  python3.11+0x5331b0
           2  python3.11+0x533e10
           2  python3.11+0x548c70
           2  python3.11+0x567fe0
           2  python3.11+0x56a220
           2  python3.11+0x583d50
           2  python3.11+0x590dc0
           2  python3.11+0x597730
           2  python3.11+0x5977a0
           2  python3.11+0x5977d0
           2  python3.11+0x598010
           2  python3.11+0x59a630
           2  python3.11+0x59fa30
           2  python3.11+0x59fb80
           2  python3.11+0x5a2850
           2  python3.11+0x5a53f0
           2  python3.11+0x5a5a50
           2  python3.11+0x60ba00
           2  python3.11+0x60c2b0
           2  python3.11+0x60c460
           2  python3.11+0x60c790
           2  python3.11+0x60f640
           2  python3.11+0x60fe90
           2  python3.11+0x610b70
           2  python3.11+0x610ce0
           2  python3.11+0x615860
           2  python3.11+0x616f00
           2  python3.11+0x618970
           2  python3.11+0x618980
           2  python3.11+0x619af0
           2  python3.11+0x61a100
           2  python3.11+0x61b3d0
           2  python3.11+0x61bcc0
           2  python3.11+0x61be00
           2  python3.11+0x61c2b0
           2  python3.11+0x61c300
           2  python3.11+0x61c7b0
           2  python3.11+0x61c900
           2  python3.11+0x61cc00
           2  python3.11+0x61cc70
           2  python3.11+0x61cd20
           2  python3.11+0x61e540
           2  python3.11+0x61f390
           2  python3.11+0x620150
           2  python3.11+0x620200
           2  python3.11+0x620290
           2  python3.11+0x623270
           2  python3.11+0x623510
           2  python3.11+0x623f80
           2  python3.11+0x6240b0
           2  python3.11+0x6241b0
           2  python3.11+0x624ac0
           2  python3.11+0x626df0
           2  python3.11+0x627ec0
           2  python3.11+0x627ee0
           2  python3.11+0x628260
           2  python3.11+0x628d60
           2  python3.11+0x628f60
           2  python3.11+0x6291d0
           2  python3.11+0x629300
           2  python3.11+0x629620
           2  python3.11+0x629e60
           2  python3.11+0x62a2f0
           2  python3.11+0x62a990
           2  python3.11+0x62b1f0
           2  python3.11+0x62b550
           2  python3.11+0x62c1d0
           2  python3.11+0x632b20
           2  python3.11+0x635090
           2  python3.11+0x635170
           2  python3.11+0x6363a0
           2  python3.11+0x6369a0
           2  python3.11+0x636a10
           2  python3.11+0x637b00
           2  python3.11+0x638d20
           2  python3.11+0x638d40
           2  python3.11+0x638d50
           2  python3.11+0x6396c0
           2  python3.11+0x639900
           2  python3.11+0x639940
           2  python3.11+0x63d9c0
           2  python3.11+0x63e7c0
           2  python3.11+0x63f050
           2  python3.11+0x63f0e0
           2  python3.11+0x63f120
           2  python3.11+0x64e8d0
           2  python3.11+0x65ad30
           3  PyConfig_InitPythonConfig [python3.11]
           3  PyImport_AddModule [python3.11]
           3  PyImport_AddModuleObject [python3.11]
           3  PyList_GetItem [python3.11]
           3  PyList_SetItem [python3.11]
           3  PyLong_AsUnsignedLong [python3.11]
           3  PyMapping_Keys [python3.11]
           3  PyMem_RawCalloc [python3.11]
           3  PyModule_AddFunctions [python3.11]
           3  PyModule_New [python3.11]
           3  PyNumber_Negative [python3.11]
           3  PyNumber_Or [python3.11]
           3  PyNumber_Remainder [python3.11]
           3  PySys_SetObject [python3.11]
           3  PyToken_ThreeChars [python3.11]
           3  PyType_FromSpec [python3.11]
           3  PyUnicode_Format [python3.11]
           3  _PyConfig_InitCompatConfig [python3.11]
           3  _PyImport_FixupExtensionObject [python3.11]
           3  _PyMem_RawStrdup [python3.11]
           3  _PyModule_CreateInitialized [python3.11]
           3  _PyState_AddModule [python3.11]
           3  _PyUnicode_ToDecimalDigit [python3.11]
           3  _Py_GetLocaleEncodingObject [python3.11]
           3  _Py_wreadlink [python3.11]
           3  _dl_audit_activity_nsid [ld-linux-x86-64.so.2]
           3  _dl_lookup_direct [ld-linux-x86-64.so.2]
           3  _dl_process_pt_gnu_property [ld-linux-x86-64.so.2]
           3  python3.11+0x44bf38
           3  python3.11+0x4cc9d0
           3  python3.11+0x4ccd70
           3  python3.11+0x5206d0
           3  python3.11+0x535540
           3  python3.11+0x539460
           3  python3.11+0x55eb80
           3  python3.11+0x573b90
           3  python3.11+0x5962a0
           3  python3.11+0x596500
           3  python3.11+0x59ad90
           3  python3.11+0x5a33c0
           3  python3.11+0x5b3c20
           3  python3.11+0x5b4320
           3  python3.11+0x60c4b0
           3  python3.11+0x60ef80
           3  python3.11+0x610d80
           3  python3.11+0x610db0
           3  python3.11+0x618370
           3  python3.11+0x6191a0
           3  python3.11+0x619f40
           3  python3.11+0x61af90
           3  python3.11+0x61c0d0
           3  python3.11+0x61db90
           3  python3.11+0x622e10
           3  python3.11+0x6236c0
           3  python3.11+0x6237b0
           3  python3.11+0x623800
           3  python3.11+0x628440
           3  python3.11+0x628df0
           3  python3.11+0x62afa0
           3  python3.11+0x62b150
           3  python3.11+0x62c0d0
           3  python3.11+0x632740
           3  python3.11+0x6351c0
           3  python3.11+0x636030
           3  python3.11+0x636190
           3  python3.11+0x63a050
           3  python3.11+0x63a470
           3  python3.11+0x63d380
           3  python3.11+0x63d800
           3  python3.11+0x63eb10
           3  python3.11+0x651fc0
           3  python3.11+0x652e80
           3  python3.11+0x66bd20
           4  PyDict_Keys [python3.11]
           4  PyOS_setsig [python3.11]
           4  PyUnicode_AsEncodedString [python3.11]
           4  PyUnicode_FromFormat [python3.11]
           4  _PyArena_AddPyObject [python3.11]
           4  _PyArg_UnpackKeywords [python3.11]
           4  _PyCodecInfo_GetIncrementalDecoder [python3.11]
           4  _PyDictView_New [python3.11]
           4  _PyLong_FromUid [python3.11]
           4  _Py_EncodeUTF8Ex [python3.11]
           4  __libc_scratch_buffer_set_array_size [ld-linux-x86-64.so.2]
           4  __read_nocancel [ld-linux-x86-64.so.2]
           4  _dl_load_cache_lookup [ld-linux-x86-64.so.2]
           4  _dl_map_object_from_fd [ld-linux-x86-64.so.2]
           4  lookup_malloc_symbol [ld-linux-x86-64.so.2]
           4  open_verify.constprop.0 [ld-linux-x86-64.so.2]
           4  python3.11+0x4d6300
           4  python3.11+0x590570
           4  python3.11+0x590ce0
           4  python3.11+0x591160
           4  python3.11+0x5986b0
           4  python3.11+0x598840
           4  python3.11+0x599aa0
           4  python3.11+0x59a340
           4  python3.11+0x5a1270
           4  python3.11+0x5a12a0
           4  python3.11+0x5a1b10
           4  python3.11+0x5a5ca0
           4  python3.11+0x5a6080
           4  python3.11+0x60be80
           4  python3.11+0x617240
           4  python3.11+0x61dc00
           4  python3.11+0x61dcf0
           4  python3.11+0x61eaa0
           4  python3.11+0x61eb10
           4  python3.11+0x61ede0
           4  python3.11+0x61f150
           4  python3.11+0x623870
           4  python3.11+0x628200
           4  python3.11+0x62c2a0
           4  python3.11+0x6327b0
           4  python3.11+0x635df0
           4  python3.11+0x635fc0
           4  python3.11+0x635fd0
           4  python3.11+0x6386d0
           4  python3.11+0x639ab0
           4  python3.11+0x63a4e0
           4  python3.11+0x63a5b0
           4  search_cache [ld-linux-x86-64.so.2]
           4  strdup [ld-linux-x86-64.so.2]
           5  PyCapsule_New [python3.11]
           5  PyCell_Set [python3.11]
           5  PyConfig_Clear [python3.11]
           5  PyErr_SetNone [python3.11]
           5  PyEval_MergeCompilerFlags [python3.11]
           5  PyException_GetTraceback [python3.11]
           5  PyMapping_GetItemString [python3.11]
           5  PyRun_StringFlags [python3.11]
           5  PySequence_DelItem [python3.11]
           5  PyUnicode_Compare [python3.11]
           5  _PyErr_ChainStackItem [python3.11]
           5  _PyUnicode_IsAlpha [python3.11]
           5  _Py_GetLocaleEncoding [python3.11]
           5  _Py_SourceAsString [python3.11]
           5  _Py_wfopen [python3.11]
           5  __GI___close_nocancel [ld-linux-x86-64.so.2]
           5  __GI___tunable_set_val [ld-linux-x86-64.so.2]
           5  __open_nocancel [ld-linux-x86-64.so.2]
           5  _dl_audit_objopen [ld-linux-x86-64.so.2]
           5  _dl_debug_update [ld-linux-x86-64.so.2]
           5  do_tunable_update_val [ld-linux-x86-64.so.2]
           5  fstat [ld-linux-x86-64.so.2]
           5  fstatat [ld-linux-x86-64.so.2]
           5  python3.11+0x4e4e00
           5  python3.11+0x51bf60
           5  python3.11+0x51f290
           5  python3.11+0x538940
           5  python3.11+0x539060
           5  python3.11+0x53a5a0
           5  python3.11+0x558a60
           5  python3.11+0x5611a0
           5  python3.11+0x576770
           5  python3.11+0x5768c0
           5  python3.11+0x57ecb0
           5  python3.11+0x5860f0
           5  python3.11+0x58e250
           5  python3.11+0x58ef70
           5  python3.11+0x58ff20
           5  python3.11+0x590420
           5  python3.11+0x5a9ad0
           5  python3.11+0x5a9ee0
           5  python3.11+0x60f190
           5  python3.11+0x615170
           5  python3.11+0x616600
           5  python3.11+0x616c60
           5  python3.11+0x618170
           5  python3.11+0x618440
           5  python3.11+0x624e60
           5  python3.11+0x6266d0
           5  python3.11+0x627140
           5  python3.11+0x627b80
           5  python3.11+0x627cd0
           5  python3.11+0x62aff0
           5  python3.11+0x62e3a0
           5  python3.11+0x6322d0
           5  python3.11+0x632430
           5  python3.11+0x637980
           5  python3.11+0x637cf0
           5  python3.11+0x63cae0
           5  python3.11+0x63cba0
           6  PyCodec_LookupError [python3.11]
           6  PyDict_DelItemString [python3.11]
           6  PyErr_SetFromErrno [python3.11]
           6  PyLong_AsDouble [python3.11]
           6  PyNumber_Long [python3.11]
           6  PyOS_string_to_double [python3.11]
           6  PyPreConfig_InitPythonConfig [python3.11]
           6  PyStaticMethod_New [python3.11]
           6  PyStructSequence_InitType2 [python3.11]
           6  PyUnicode_DecodeUTF8Stateful [python3.11]
           6  _PyAST_Compile [python3.11]
           6  _PyArena_Free [python3.11]
           6  _PyArena_New [python3.11]
           6  _PyCodec_LookupTextEncoding [python3.11]
           6  _PyErr_ExceptionMatches [python3.11]
           6  _Py_BuildValue_SizeT [python3.11]
           6  _Py_dg_strtod [python3.11]
           6  _dl_add_to_namespace_list [ld-linux-x86-64.so.2]
           6  _dl_audit_objclose [ld-linux-x86-64.so.2]
           6  _dl_call_fini [ld-linux-x86-64.so.2]
           6  _dl_hwcaps_contains [ld-linux-x86-64.so.2]
           6  _dl_new_object [ld-linux-x86-64.so.2]
           6  _dl_protect_relro [ld-linux-x86-64.so.2]
           6  _dl_relocate_object [ld-linux-x86-64.so.2]
           6  call_init [ld-linux-x86-64.so.2]
           6  mprotect [ld-linux-x86-64.so.2]
           6  python3.11+0x5196b0
           6  python3.11+0x533c70
           6  python3.11+0x53abc0
           6  python3.11+0x542960
           6  python3.11+0x551f80
           6  python3.11+0x5527f0
           6  python3.11+0x55bd60
           6  python3.11+0x56a5e0
           6  python3.11+0x56add0
           6  python3.11+0x56ae80
           6  python3.11+0x575e00
           6  python3.11+0x587160
           6  python3.11+0x588490
           6  python3.11+0x58c1d0
           6  python3.11+0x5a08f0
           6  python3.11+0x5a7670
           6  python3.11+0x616b80
           6  python3.11+0x617340
           6  python3.11+0x6173d0
           6  python3.11+0x617510
           6  python3.11+0x6177a0
           6  python3.11+0x617dd0
           6  python3.11+0x6193b0
           6  python3.11+0x619ff0
           6  python3.11+0x61a5b0
           6  python3.11+0x61e0b0
           6  python3.11+0x61f4e0
           6  python3.11+0x61ff90
           6  python3.11+0x620090
           6  python3.11+0x622a60
           6  python3.11+0x622e80
           6  python3.11+0x6235a0
           6  python3.11+0x6235b0
           6  python3.11+0x623920
           6  python3.11+0x6265f0
           6  python3.11+0x6270b0
           6  python3.11+0x627e20
           6  python3.11+0x6280d0
           6  python3.11+0x62aa00
           6  python3.11+0x62b220
           6  python3.11+0x62b770
           6  python3.11+0x62c420
           6  python3.11+0x62c9b0
           6  python3.11+0x62ca30
           6  python3.11+0x62d3c0
           6  python3.11+0x62e910
           6  python3.11+0x632950
           6  python3.11+0x6354f0
           6  python3.11+0x635be0
           6  python3.11+0x635c30
           6  python3.11+0x635cf0
           6  python3.11+0x635e40
           6  python3.11+0x635e90
           6  python3.11+0x636080
           6  python3.11+0x636160
           6  python3.11+0x637940
           6  python3.11+0x63a650
           6  python3.11+0x63aa80
           6  python3.11+0x63af80
           6  python3.11+0x63c3f0
           6  python3.11+0x63cb30
           6  python3.11+0x63cbe0
           7  PyCapsule_GetPointer [python3.11]
           7  PyMemoryView_FromBuffer [python3.11]
           7  PyNumber_InPlaceSubtract [python3.11]
           7  _PySys_GetAttr [python3.11]
           7  _Py_get_env_flag [python3.11]
           7  _dl_check_map_versions [ld-linux-x86-64.so.2]
           7  _dl_find_object_from_map [ld-linux-x86-64.so.2]
           7  _dl_setup_hash [ld-linux-x86-64.so.2]
           7  python3.11+0x53ffc0
           7  python3.11+0x540ff0
           7  python3.11+0x54c1b0
           7  python3.11+0x54c3e0
           7  python3.11+0x5545a0
           7  python3.11+0x559200
           7  python3.11+0x55d4c0
           7  python3.11+0x561c90
           7  python3.11+0x5784a0
           7  python3.11+0x58b9a0
           7  python3.11+0x59d840
           7  python3.11+0x5a7550
           7  python3.11+0x61bdd0
           7  python3.11+0x61c1c0
           7  python3.11+0x61c230
           7  python3.11+0x624a50
           7  python3.11+0x628530
           7  python3.11+0x628640
           7  python3.11+0x62cf30
           7  python3.11+0x62d460
           7  python3.11+0x638c70
           7  python3.11+0x63ac70
           7  python3.11+0x6632b0
           8  PyCodec_RegisterError [python3.11]
           8  PyEval_GetLocals [python3.11]
           8  PyFrame_GetCode [python3.11]
           8  PyImport_ImportModuleLevel [python3.11]
           8  PyObject_CallFunctionObjArgs [python3.11]
           8  PyTuple_Size [python3.11]
           8  PyWideStringList_Insert [python3.11]
           8  _PyStructSequence_InitType [python3.11]
           8  python3.11+0x5306c0
           8  python3.11+0x545020
           8  python3.11+0x545b00
           8  python3.11+0x5719f0
           8  python3.11+0x5776e0
           8  python3.11+0x579b60
           8  python3.11+0x590cc0
           8  python3.11+0x596560
           8  python3.11+0x5a5fe0
           8  python3.11+0x5a60f0
           8  python3.11+0x5b3f90
           8  python3.11+0x5ba1d0
           8  python3.11+0x61a540
           8  python3.11+0x6233b0
           8  python3.11+0x623720
           8  python3.11+0x629e10
           8  python3.11+0x62aeb0
           8  python3.11+0x634ae0
           8  python3.11+0x636460
           8  python3.11+0x64cd90
           9  PyCallable_Check [python3.11]
           9  PyFile_OpenCodeObject [python3.11]
           9  PyNumber_Subtract [python3.11]
           9  PyOS_FSPath [python3.11]
           9  PyObject_Format [python3.11]
           9  _PyCodec_Lookup [python3.11]
           9  _PyErr_Clear [python3.11]
           9  _PyStack_AsDict [python3.11]
           9  _PyUnicode_FormatAdvancedWriter [python3.11]
           9  _PyWideStringList_AsList [python3.11]
           9  _Py_set_inheritable [python3.11]
           9  __sigsetjmp [ld-linux-x86-64.so.2]
           9  _dl_catch_exception [ld-linux-x86-64.so.2]
           9  _dl_dst_count [ld-linux-x86-64.so.2]
           9  _dl_map_object [ld-linux-x86-64.so.2]
           9  memset [ld-linux-x86-64.so.2]
           9  openaux [ld-linux-x86-64.so.2]
           9  python3.11+0x520730
           9  python3.11+0x5309a0
           9  python3.11+0x545ff0
           9  python3.11+0x549250
           9  python3.11+0x57f000
           9  python3.11+0x5870c0
           9  python3.11+0x589200
           9  python3.11+0x58b440
           9  python3.11+0x58c370
           9  python3.11+0x614920
           9  python3.11+0x618c40
           9  python3.11+0x6255c0
           9  python3.11+0x62ec20
          10  PySet_Clear [python3.11]
          10  PySet_Size [python3.11]
          10  PyStructSequence_NewType [python3.11]
          10  PyType_FromSpecWithBases [python3.11]
          10  PyUnicode_FSConverter [python3.11]
          10  _PyStructSequence_NewType [python3.11]
          10  _PyType_GetDocFromInternalDoc [python3.11]
          10  python3.11+0x529990
          10  python3.11+0x5299e0
          10  python3.11+0x529e00
          10  python3.11+0x53f220
          10  python3.11+0x58af60
          10  python3.11+0x58b0d0
          10  python3.11+0x58c3a0
          10  python3.11+0x58c540
          10  python3.11+0x58d1a0
          10  python3.11+0x58f380
          10  python3.11+0x595ae0
          10  python3.11+0x596020
          10  python3.11+0x5a88e0
          10  python3.11+0x6263e0
          10  python3.11+0x62e4f0
          10  python3.11+0x639120
          11  PyModuleDef_Init [python3.11]
          11  PyModule_ExecDef [python3.11]
          11  PyModule_FromDefAndSpec2 [python3.11]
          11  PyModule_GetName [python3.11]
          11  PyObject_Calloc [python3.11]
          11  PyObject_ClearWeakRefs [python3.11]
          11  PySymtable_Lookup [python3.11]
          11  _Py_GetEnv [python3.11]
          11  _dl_hwcaps_split_masked [ld-linux-x86-64.so.2]
          11  handle_amd [ld-linux-x86-64.so.2]
          11  python3.11+0x539d90
          11  python3.11+0x53e2a0
          11  python3.11+0x5443c0
          11  python3.11+0x552990
          11  python3.11+0x554180
          11  python3.11+0x554ad0
          11  python3.11+0x55ac70
          11  python3.11+0x56e130
          11  python3.11+0x573fb0
          11  python3.11+0x574c20
          11  python3.11+0x575fb0
          11  python3.11+0x57a770
          11  python3.11+0x594dc0
          11  python3.11+0x59d930
          11  python3.11+0x620bf0
          11  python3.11+0x623b60
          11  python3.11+0x624a00
          11  python3.11+0x627980
          11  python3.11+0x62af00
          12  PyErr_SetFromErrnoWithFilenameObject [python3.11]
          12  PyList_SetSlice [python3.11]
          12  PyMem_RawRealloc [python3.11]
          12  PyNumber_Check [python3.11]
          12  PyObject_Repr [python3.11]
          12  PyTuple_GetSlice [python3.11]
          12  PyUnicode_CompareWithASCIIString [python3.11]
          12  Py_GetRecursionLimit [python3.11]
          12  _PyErr_ChainExceptions [python3.11]
          12  cache_rpath [ld-linux-x86-64.so.2]
          12  mempcpy [ld-linux-x86-64.so.2]
          12  python3.11+0x4e0080
          12  python3.11+0x532780
          12  python3.11+0x54a530
          12  python3.11+0x569640
          12  python3.11+0x57f230
          12  python3.11+0x57f290
          12  python3.11+0x588140
          12  python3.11+0x5893c0
          12  python3.11+0x58a000
          12  python3.11+0x58a030
          12  python3.11+0x58a660
          12  python3.11+0x58b460
          12  python3.11+0x58ceb0
          12  python3.11+0x58cfa0
          12  python3.11+0x58ffe0
          12  python3.11+0x5904b0
          12  python3.11+0x5aa990
          12  python3.11+0x61a500
          12  python3.11+0x61a620
          12  python3.11+0x61b000
          12  python3.11+0x628e40
          12  python3.11+0x6325f0
          12  python3.11+0x637d30
          12  python3.11+0x63bda0
          13  PyArg_ValidateKeywordArguments [python3.11]
          13  PyMem_GetAllocator [python3.11]
          13  PyModule_SetDocString [python3.11]
          13  PyObject_Realloc [python3.11]
          13  _PyDict_HasOnlyStringKeys [python3.11]
          13  _PyMem_SetDefaultAllocator [python3.11]
          13  _Py_get_xoption [python3.11]
          13  dfs_traversal.part.0 [ld-linux-x86-64.so.2]
          13  python3.11+0x4ccc90
          13  python3.11+0x520910
          13  python3.11+0x54fd30
          13  python3.11+0x56b8b0
          13  python3.11+0x56bc00
          13  python3.11+0x57fa20
          13  python3.11+0x58aef0
          13  python3.11+0x5966d0
          13  python3.11+0x5b9df0
          13  python3.11+0x60ad50
          13  python3.11+0x616d70
          13  python3.11+0x620360
          13  python3.11+0x62e670
          14  PyList_Size [python3.11]
          14  PyModule_GetNameObject [python3.11]
          14  Py_DecodeLocale [python3.11]
          14  _PyUnicodeWriter_PrepareInternal [python3.11]
          14  _Py_DecodeLocaleEx [python3.11]
          14  python3.11+0x4e34c0
          14  python3.11+0x540b90
          14  python3.11+0x576960
          14  python3.11+0x577590
          14  python3.11+0x57eef0
          14  python3.11+0x57f240
          14  python3.11+0x57f9c0
          14  python3.11+0x58b1f0
          14  python3.11+0x58cc30
          14  python3.11+0x6152e0
          14  python3.11+0x6185a0
          14  rtld_mutex_dummy [ld-linux-x86-64.so.2]
          15  PyNumber_Multiply [python3.11]
          15  PyThread_allocate_lock [python3.11]
          15  PyThread_free_lock [python3.11]
          15  _PyObject_CallMethod [python3.11]
          15  __minimal_calloc [ld-linux-x86-64.so.2]
          15  _dl_hwcaps_split [ld-linux-x86-64.so.2]
          15  python3.11+0x4eb380
          15  python3.11+0x529b00
          15  python3.11+0x533170
          15  python3.11+0x53a1b0
          15  python3.11+0x554950
          15  python3.11+0x561580
          15  python3.11+0x6181a0
          16  PyErr_SetObject [python3.11]
          16  PyModule_NewObject [python3.11]
          16  _PyLong_FromByteArray [python3.11]
          16  python3.11+0x4e2dc0
          16  python3.11+0x4e2ea0
          16  python3.11+0x571a60
          16  python3.11+0x578c70
          16  python3.11+0x58b140
          16  python3.11+0x624db0
          16  python3.11+0x629180
          17  PyEval_GetGlobals [python3.11]
          17  PyImport_Import [python3.11]
          17  PyImport_ImportModule [python3.11]
          17  PyTuple_Pack [python3.11]
          17  PyType_FromModuleAndSpec [python3.11]
          17  _Py_normpath [python3.11]
          17  python3.11+0x51d510
          17  python3.11+0x530710
          17  python3.11+0x548150
          17  python3.11+0x56a130
          17  python3.11+0x56a1a0
          17  python3.11+0x575d40
          17  python3.11+0x58e880
          17  python3.11+0x58f210
          18  PyBuffer_IsContiguous [python3.11]
          18  PyErr_SetFromErrnoWithFilenameObjects [python3.11]
          18  PyModule_AddType [python3.11]
          18  PyNumber_InPlaceAdd [python3.11]
          18  PyUnicode_DecodeLocale [python3.11]
          18  _PyTuple_Resize [python3.11]
          18  _PyType_Name [python3.11]
          18  _Py_GetErrorHandler [python3.11]
          18  python3.11+0x553540
          18  python3.11+0x559560
          18  python3.11+0x559ee0
          18  python3.11+0x55a870
          18  python3.11+0x55aa50
          18  python3.11+0x614980
          18  python3.11+0x614a60
          18  python3.11+0x614ae0
          18  python3.11+0x6184e0
          18  python3.11+0x61a1b0
          18  python3.11+0x625030
          18  python3.11+0x625430
          18  python3.11+0x625490
          19  PyEval_GetBuiltins [python3.11]
          19  PyModule_GetDef [python3.11]
          19  PyObject_CheckBuffer [python3.11]
          19  _PyModule_Clear [python3.11]
          19  _PyObject_New [python3.11]
          19  _PyWideStringList_Copy [python3.11]
          19  _Py_read [python3.11]
          19  python3.11+0x571bb0
          20  PyObject_GenericGetDict [python3.11]
          20  PySet_Contains [python3.11]
          20  mmap [ld-linux-x86-64.so.2]
          20  python3.11+0x4f9fb0
          20  python3.11+0x542090
          20  python3.11+0x57a3a0
          20  python3.11+0x5964e0
          20  python3.11+0x5965a0
          20  python3.11+0x615510
          20  python3.11+0x626630
          20  python3.11+0x62e710
          21  PyModule_AddObject [python3.11]
          21  Py_UniversalNewlineFgets [python3.11]
          21  _PyModule_ClearDict [python3.11]
          21  python3.11+0x534340
          21  python3.11+0x569f30
          21  python3.11+0x58b220
          21  python3.11+0x58d8d0
          21  python3.11+0x5a01c0
          21  python3.11+0x5a0860
          21  python3.11+0x6392f0
          22  PyMapping_Check [python3.11]
          22  PyUnicode_Append [python3.11]
          22  PyWeakref_GetObject [python3.11]
          22  index [ld-linux-x86-64.so.2]
          22  python3.11+0x55c0f0
          22  python3.11+0x56a6c0
          22  python3.11+0x571bc0
          22  python3.11+0x586000
          23  PyDescr_NewClassMethod [python3.11]
          23  PyModule_GetState [python3.11]
          23  _PyObject_CallFunction_SizeT [python3.11]
          23  python3.11+0x56d080
          23  python3.11+0x595950
          23  python3.11+0x614790
          23  python3.11+0x6247b0
          23  python3.11+0x634bd0
          24  PyBuffer_Release [python3.11]
          24  PyBytes_FromString [python3.11]
          24  PyDict_Clear [python3.11]
          24  PyObject_GetBuffer [python3.11]
          24  _Py_EncodeLocaleEx [python3.11]
          24  python3.11+0x4e1780
          24  python3.11+0x544d30
          24  python3.11+0x614820
          24  python3.11+0x62cbf0
          25  PyEval_EvalCode [python3.11]
          25  PyObject_CallMethod [python3.11]
          25  PyUnicode_FromStringAndSize [python3.11]
          25  _Py_NewReference [python3.11]
          25  python3.11+0x4e8cb0
          25  python3.11+0x4ea7f0
          25  python3.11+0x59d4a0
          25  python3.11+0x615cc0
          25  python3.11+0x6176e0
          25  python3.11+0x617cf0
          25  python3.11+0x627910
          25  python3.11+0x638a70
          26  PyMem_SetAllocator [python3.11]
          26  PyObject_Str [python3.11]
          26  _PyUnicode_EqualToASCIIString [python3.11]
          26  python3.11+0x615480
          26  strlen [ld-linux-x86-64.so.2]
          27  PyObject_CallFunction [python3.11]
          27  _PyNumber_Index [python3.11]
          27  python3.11+0x5458a0
          27  python3.11+0x58d280
          28  python3.11+0x4e5be0
          28  python3.11+0x531db0
          28  python3.11+0x58a8d0
          28  python3.11+0x58aba0
          28  python3.11+0x597fc0
          28  python3.11+0x627700
          29  PyList_Sort [python3.11]
          29  Py_BuildValue [python3.11]
          29  _PySet_NextEntry [python3.11]
          29  memcpy [ld-linux-x86-64.so.2]
          29  python3.11+0x5361d0
          29  python3.11+0x538d60
          29  python3.11+0x543940
          29  python3.11+0x561a60
          29  python3.11+0x561de0
          29  python3.11+0x627590
          29  python3.11+0x62c6c0
          30  PyOS_strtoul [python3.11]
          30  PyUnicode_DecodeASCII [python3.11]
          30  python3.11+0x525d80
          30  python3.11+0x543f40
          30  python3.11+0x5774c0
          30  python3.11+0x58b680
          31  _PyErr_SetKeyError [python3.11]
          32  PyErr_Fetch [python3.11]
          32  PyFrozenSet_New [python3.11]
          32  PyLong_FromSize_t [python3.11]
          32  PyMapping_Items [python3.11]
          32  PyModule_GetDict [python3.11]
          32  PyType_GetModuleState [python3.11]
          32  python3.11+0x4e5180
          32  python3.11+0x53f990
          32  python3.11+0x571b90
          32  python3.11+0x58cdd0
          32  python3.11+0x591d70
          32  python3.11+0x591f20
          32  python3.11+0x592a90
          32  python3.11+0x592ac0
          32  python3.11+0x593040
          32  python3.11+0x5942d0
          32  python3.11+0x594480
          32  python3.11+0x5aad40
          32  python3.11+0x5aad80
          32  python3.11+0x6334a0
          33  python3.11+0x4de0e0
          33  python3.11+0x540670
          33  python3.11+0x5453d0
          33  python3.11+0x591200
          33  python3.11+0x5914e0
          33  python3.11+0x5aa8c0
          33  python3.11+0x615330
          33  python3.11+0x615370
          34  PyObject_GC_Track [python3.11]
          34  PySequence_Tuple [python3.11]
          34  PyType_Modified [python3.11]
          34  __minimal_malloc [ld-linux-x86-64.so.2]
          34  __tunable_get_val [ld-linux-x86-64.so.2]
          34  python3.11+0x536af0
          34  python3.11+0x5aaac0
          35  PyDict_Update [python3.11]
          35  python3.11+0x4e5010
          35  python3.11+0x5364c0
          35  python3.11+0x576d10
          36  _dl_cache_libcmp [ld-linux-x86-64.so.2]
          36  python3.11+0x4f6970
          36  python3.11+0x543ed0
          36  python3.11+0x626560
          37  _PyUnicode_FromASCII [python3.11]
          37  python3.11+0x51c370
          37  python3.11+0x55b9d0
          37  python3.11+0x55f0c0
          37  python3.11+0x57aea0
          37  python3.11+0x60bd50
          38  PyNumber_And [python3.11]
          38  _PyErr_Restore [python3.11]
          38  _PyObject_Call [python3.11]
          38  python3.11+0x4cd6f0
          38  python3.11+0x52b9d0
          38  python3.11+0x585c50
          38  python3.11+0x614880
          39  PyLong_FromUnsignedLong [python3.11]
          39  python3.11+0x536e30
          39  python3.11+0x561e30
          39  python3.11+0x588f50
          39  python3.11+0x594fc0
          39  python3.11+0x595100
          40  PyObject_CallMethodObjArgs [python3.11]
          40  python3.11+0x52f160
          40  python3.11+0x535240
          40  python3.11+0x58c120
          40  python3.11+0x59d330
          40  python3.11+0x59d8a0
          41  PyErr_ExceptionMatches [python3.11]
          41  PyThread_get_thread_ident [python3.11]
          41  python3.11+0x4dfb70
          41  python3.11+0x553ce0
          41  python3.11+0x559fe0
          41  python3.11+0x55a820
          41  python3.11+0x593220
          42  PySlice_AdjustIndices [python3.11]
          42  PySlice_Unpack [python3.11]
          42  python3.11+0x558780
          42  python3.11+0x59f9f0
          42  python3.11+0x6250d0
          42  python3.11+0x62b4a0
          43  python3.11+0x514b50
          43  python3.11+0x5a0480
          44  PyModule_AddObjectRef [python3.11]
          44  python3.11+0x4d45b0
          44  python3.11+0x59f5d0
          45  PyNumber_Add [python3.11]
          45  PyThread_acquire_lock [python3.11]
          45  PyThread_release_lock [python3.11]
          45  _PyType_Lookup [python3.11]
          45  _Py_HashDouble [python3.11]
          45  frexp [libm.so.6]
          45  python3.11+0x5b1f30
          45  python3.11+0x6282a0
          46  PyUnicode_Substring [python3.11]
          46  python3.11+0x528440
          47  PyNumber_InPlaceOr [python3.11]
          47  PyObject_IsInstance [python3.11]
          47  PyObject_LengthHint [python3.11]
          47  PyUnicode_New [python3.11]
          47  python3.11+0x548c10
          48  python3.11+0x4d1080
          48  python3.11+0x4e2f20
          48  python3.11+0x51e9f0
          48  python3.11+0x52dcd0
          48  python3.11+0x567110
          48  python3.11+0x5800c0
          48  python3.11+0x627d50
          49  PyErr_Restore [python3.11]
          49  python3.11+0x4e8ea0
          49  python3.11+0x5249c0
          49  python3.11+0x5385a0
          49  python3.11+0x5a6070
          50  PyList_AsTuple [python3.11]
          50  PyLong_AsSsize_t [python3.11]
          50  PyNumber_AsSsize_t [python3.11]
          50  python3.11+0x562020
          52  PyUnicode_AsUTF8AndSize [python3.11]
          52  python3.11+0x546170
          52  python3.11+0x54c420
          52  python3.11+0x562080
          53  python3.11+0x4e6d00
          53  python3.11+0x5298d0
          54  PyStructSequence_New [python3.11]
          54  python3.11+0x585da0
          55  python3.11+0x4fc360
          55  python3.11+0x523810
          55  python3.11+0x53c340
          55  python3.11+0x619000
          57  PySequence_List [python3.11]
          57  python3.11+0x521b90
          57  python3.11+0x52ec80
          57  python3.11+0x587de0
          58  PySys_Audit [python3.11]
          58  python3.11+0x4dcc70
          58  python3.11+0x5619a0
          58  python3.11+0x56d8f0
          59  PyBool_FromLong [python3.11]
          59  python3.11+0x5380c0
          59  python3.11+0x545410
          59  python3.11+0x62b6e0
          60  python3.11+0x57df60
          61  PyMem_RawMalloc [python3.11]
          61  _PyWideStringList_Clear [python3.11]
          61  _Py_GetConfig [python3.11]
          61  python3.11+0x4ee690
          61  python3.11+0x559fd0
          62  python3.11+0x532870
          62  python3.11+0x618cd0
          62  python3.11+0x6265d0
          62  python3.11+0x634a00
          62  python3.11+0x634c80
          63  PyLong_AsLong [python3.11]
          63  python3.11+0x4ec0f0
          63  python3.11+0x52a3d0
          64  PyOS_getsig [python3.11]
          64  PyObject_GetAttrString [python3.11]
          64  _PyCode_New [python3.11]
          64  _PyCode_Validate [python3.11]
          64  python3.11+0x534a20
          65  PyConfig_SetString [python3.11]
          65  PyObject_RichCompareBool [python3.11]
          66  python3.11+0x4e89b0
          66  python3.11+0x565c90
          66  python3.11+0x565ea0
          66  python3.11+0x5681a0
          66  python3.11+0x574b90
          66  python3.11+0x58af40
          67  python3.11+0x56aa90
          67  python3.11+0x57e370
          68  PyDict_Next [python3.11]
          68  _Py_PreInitializeFromConfig [python3.11]
          68  python3.11+0x4e8f20
          68  python3.11+0x59d8c0
          69  PySlice_New [python3.11]
          69  python3.11+0x57d3c0
          70  _PyObject_IsAbstract [python3.11]
          71  python3.11+0x4f2d40
          74  python3.11+0x51e6d0
          74  python3.11+0x529ef0
          75  PyUnicode_AsUTF8 [python3.11]
          75  python3.11+0x522a80
          75  python3.11+0x5230f0
          76  _PyMem_RawWcsdup [python3.11]
          76  python3.11+0x4dd6a0
          76  python3.11+0x541670
          77  python3.11+0x520bc0
          78  PyArg_ParseTupleAndKeywords [python3.11]
          80  python3.11+0x515350
          80  python3.11+0x51f450
          80  python3.11+0x55c9e0
          81  PyLong_FromSsize_t [python3.11]
          81  python3.11+0x513400
          81  python3.11+0x517d50
          81  python3.11+0x567650
          82  PyObject_IsSubclass [python3.11]
          82  _PyWeakref_ClearRef [python3.11]
          82  python3.11+0x51e390
          82  python3.11+0x564430
          84  PyEval_RestoreThread [python3.11]
          84  PyEval_SaveThread [python3.11]
          84  python3.11+0x4ee820
          84  python3.11+0x4f6280
          84  python3.11+0x4f6740
          84  python3.11+0x587040
          84  python3.11+0x595960
          85  PyObject_GC_UnTrack [python3.11]
          85  python3.11+0x53f1b0
          85  python3.11+0x5437a0
          85  python3.11+0x55a320
          87  PyType_GenericNew [python3.11]
          88  _dl_name_match_p [ld-linux-x86-64.so.2]
          89  _PyBytes_Resize [python3.11]
          89  python3.11+0x5956d0
          90  PyUnicode_FindChar [python3.11]
          91  PyIter_Next [python3.11]
          91  PySys_GetObject [python3.11]
          92  PyObject_SelfIter [python3.11]
          92  python3.11+0x4ee0c0
          92  python3.11+0x514480
          92  python3.11+0x52ebf0
          93  PyObject_DelItem [python3.11]
          93  python3.11+0x5187f0
          93  python3.11+0x530c20
          94  PyUnicode_RPartition [python3.11]
          94  python3.11+0x5419c0
          94  python3.11+0x541fe0
          95  python3.11+0x512f40
          96  python3.11+0x4cd780
          98  python3.11+0x587630
          99  PyImport_ImportModuleLevelObject [python3.11]
         100  python3.11+0x53d460
         100  python3.11+0x541340
         101  PyUnicode_AsWideCharString [python3.11]
         101  python3.11+0x59e1e0
         101  python3.11+0x59e460
         102  PyUnicode_InternFromString [python3.11]
         102  python3.11+0x52aba0
         103  python3.11+0x54bed0
         104  PyMem_Calloc [python3.11]
         104  python3.11+0x4e4d30
         104  python3.11+0x572ff0
         105  _dl_fixup [ld-linux-x86-64.so.2]
         106  _PyDict_GetItemStringWithError [python3.11]
         107  PyArg_ParseTuple [python3.11]
         107  python3.11+0x51d2d0
         107  python3.11+0x55b280
         108  python3.11+0x5417d0
         108  python3.11+0x542990
         113  python3.11+0x560ee0
         113  python3.11+0x592380
         113  python3.11+0x594430
         114  python3.11+0x519a60
         114  python3.11+0x566c20
         115  PySet_New [python3.11]
         115  python3.11+0x51e480
         116  python3.11+0x4dbfd0
         116  python3.11+0x4f4a60
         116  python3.11+0x4f51c0
         116  python3.11+0x4f5a60
         116  python3.11+0x51efb0
         117  PyObject_Malloc [python3.11]
         117  PyTraceBack_Here [python3.11]
         117  python3.11+0x53f350
         118  python3.11+0x57a740
         122  python3.11+0x566380
         123  PyType_IsSubtype [python3.11]
         123  python3.11+0x4ed280
         124  PyObject_SetItem [python3.11]
         124  python3.11+0x561480
         124  python3.11+0x564360
         125  python3.11+0x4d0ce0
         125  python3.11+0x54e940
         128  python3.11+0x53fc40
         131  python3.11+0x53f560
         131  python3.11+0x543fd0
         132  PyObject_Call [python3.11]
         132  python3.11+0x5865a0
         134  python3.11+0x5767d0
         135  python3.11+0x56ba20
         138  python3.11+0x527860
         144  python3.11+0x5180f0
         144  python3.11+0x584830
         145  python3.11+0x5856c0
         146  python3.11+0x4eb3c0
         149  PySet_Add [python3.11]
         152  python3.11+0x584690
         154  python3.11+0x528630
         154  python3.11+0x572f80
         157  _PyLong_AsInt [python3.11]
         158  python3.11+0x5143e0
         160  python3.11+0x4e25f0
         161  PyArg_UnpackTuple [python3.11]
         161  _PyUnicode_JoinArray [python3.11]
         162  python3.11+0x55f890
         163  python3.11+0x4deca0
         164  python3.11+0x566f30
         167  _PyDict_GetItemWithError [python3.11]
         168  PyErr_Occurred [python3.11]
         168  python3.11+0x579a90
         169  python3.11+0x542cb0
         170  PyDict_GetItemWithError [python3.11]
         170  python3.11+0x55a8c0
         172  PyDict_Copy [python3.11]
         172  _PyArg_ParseTuple_SizeT [python3.11]
         172  python3.11+0x4f9b10
         174  PyToken_TwoChars [python3.11]
         181  python3.11+0x520cf0
         182  _PyLong_New [python3.11]
         182  python3.11+0x4f31e0
         191  python3.11+0x4f5510
         193  python3.11+0x4dab80
         197  python3.11+0x5ac970
         198  _PyFunction_Vectorcall [python3.11]
         198  python3.11+0x52e790
         198  python3.11+0x53c250
         198  python3.11+0x53d040
         199  python3.11+0x528320
         200  PyCMethod_New [python3.11]
         200  python3.11+0x521580
         202  python3.11+0x53b2e0
         211  PyDict_Contains [python3.11]
         212  _PyArg_ParseTupleAndKeywords_SizeT [python3.11]
         212  python3.11+0x4e67b0
         215  python3.11+0x5269f0
         221  _Py_CheckFunctionResult [python3.11]
         225  PyType_Ready [python3.11]
         228  _dl_lookup_symbol_x [ld-linux-x86-64.so.2]
         228  do_lookup_x [ld-linux-x86-64.so.2]
         229  check_match [ld-linux-x86-64.so.2]
         230  python3.11+0x564470
         231  python3.11+0x4ead50
         232  python3.11+0x5140c0
         232  python3.11+0x52a3f0
         234  _Py_HashPointer [python3.11]
         235  clock_gettime [[vdso]]
         235  python3.11+0x568650
         238  python3.11+0x5612a0
         240  python3.11+0x5205f0
         240  python3.11+0x53d260
         241  python3.11+0x4dac40
         241  python3.11+0x51de60
         242  _PyCode_ConstantKey [python3.11]
         244  PyModule_AddIntConstant [python3.11]
         248  python3.11+0x5963f0
         253  python3.11+0x54dc70
         253  python3.11+0x560770
         255  python3.11+0x546e50
         256  python3.11+0x4d32a0
         257  python3.11+0x526850
         257  python3.11+0x5868a0
         258  python3.11+0x4fe710
         260  PyUnicode_Concat [python3.11]
         261  _PyObject_LookupAttr [python3.11]
         262  python3.11+0x522a90
         262  python3.11+0x536e80
         264  python3.11+0x523100
         266  python3.11+0x523850
         267  python3.11+0x526aa0
         269  python3.11+0x4e2e30
         269  python3.11+0x527980
         272  python3.11+0x4ed8c0
         279  PyObject_VectorcallMethod [python3.11]
         279  python3.11+0x4f0b00
         279  python3.11+0x535fe0
         281  PyErr_Format [python3.11]
         285  PyUnicode_FromFormatV [python3.11]
         290  python3.11+0x4ea150
         290  python3.11+0x53c480
         292  PyErr_Clear [python3.11]
         298  python3.11+0x4d6d20
         298  python3.11+0x4dac50
         298  python3.11+0x4db750
         298  python3.11+0x54f430
         302  python3.11+0x4deeb0
         304  python3.11+0x52a0a0
         305  python3.11+0x4d5460
         306  PyObject_CallOneArg [python3.11]
         306  python3.11+0x53af20
         307  PyMem_Realloc [python3.11]
         309  PyBytes_FromStringAndSize [python3.11]
         310  python3.11+0x5210e0
         315  PyTuple_New [python3.11]
         319  PyMem_RawFree [python3.11]
         345  python3.11+0x4e5270
         346  python3.11+0x543060
         350  python3.11+0x4ec580
         350  python3.11+0x528850
         352  python3.11+0x513370
         353  python3.11+0x57c160
         355  PyUnicode_FromString [python3.11]
         356  PyLong_FromLong [python3.11]
         358  PyDict_SetItemString [python3.11]
         368  _PyUnicode_Equal [python3.11]
         371  python3.11+0x51a9d0
         374  _PyObject_LookupSpecial [python3.11]
         387  python3.11+0x524a40
         388  python3.11+0x4e85f0
         392  python3.11+0x4e24e0
         394  _PyErr_NormalizeException [python3.11]
         394  _PyErr_SetObject [python3.11]
         399  python3.11+0x4e1ae0
         402  python3.11+0x4dce30
         406  PyList_New [python3.11]
         411  _PyObject_FastCallDictTstate [python3.11]
         420  PyMember_SetOne [python3.11]
         423  PyUnicode_FromWideChar [python3.11]
         424  python3.11+0x51d080
         463  python3.11+0x4f1390
         464  python3.11+0x530b10
         465  python3.11+0x543440
         468  python3.11+0x4e18a0
         468  python3.11+0x543d90
         493  python3.11+0x518f70
         495  PyWeakref_NewRef [python3.11]
         500  python3.11+0x524d10
         500  python3.11+0x5250f0
         505  python3.11+0x4dd190
         508  PyObject_GetItem [python3.11]
         513  python3.11+0x53f550
         537  python3.11+0x4fe780
         537  python3.11+0x500370
         551  python3.11+0x4f6180
         563  PyObject_RichCompare [python3.11]
         574  python3.11+0x514260
         577  python3.11+0x519370
         577  python3.11+0x573fa0
         581  _PyArena_Malloc [python3.11]
         584  python3.11+0x4d6a50
         588  python3.11+0x4d57a0
         606  PyDict_New [python3.11]
         626  python3.11+0x521480
         632  python3.11+0x56d9d0
         642  strcmp [ld-linux-x86-64.so.2]
         682  PyMem_Malloc [python3.11]
         698  python3.11+0x4d40d0
         699  python3.11+0x5744c0
         706  python3.11+0x4cea20
         731  PyMem_Free [python3.11]
         750  python3.11+0x525fe0
         759  python3.11+0x4d0be0
         762  python3.11+0x526440
         776  python3.11+0x4d28a0
         776  python3.11+0x5ad1f0
         780  _PyEval_EvalFrameDefault [python3.11]
         787  PyUnicode_InternInPlace [python3.11]
         795  _PyObject_GC_New [python3.11]
         822  python3.11+0x514f20
         830  python3.11+0x4df9c0
         849  python3.11+0x501b50
         854  PyErr_GivenExceptionMatches [python3.11]
         873  PyFunction_NewWithQualName [python3.11]
         880  _PyObject_MakeTpCall [python3.11]
         882  python3.11+0x5144a0
         883  python3.11+0x519210
         898  python3.11+0x519460
         905  python3.11+0x4fe020
         914  _PyObject_GC_NewVar [python3.11]
         923  PyObject_Free [python3.11]
         954  PyObject_SetAttr [python3.11]
         970  python3.11+0x4d5030
         977  PyObject_IsTrue [python3.11]
         995  python3.11+0x4fe2e0
        1008  python3.11+0x5ae080
        1018  python3.11+0x4f6290
        1057  _PyObject_GetMethod [python3.11]
        1097  PyList_Append [python3.11]
        1117  python3.11+0x4ea4d0
        1132  python3.11+0x52d340
        1179  python3.11+0x4fc0b0
        1230  python3.11+0x4ebd70
        1314  python3.11+0x4e49b0
        1349  PyObject_Hash [python3.11]
        1421  _Py_Dealloc [python3.11]
        1633  python3.11+0x534e80
        1659  PyUnicode_RichCompare [python3.11]
        1659  python3.11+0x4fac00
        1702  _PyObject_GenericSetAttrWithDict [python3.11]
        1820  PyDict_DelItem [python3.11]
        1847  python3.11+0x4ff550
        1890  PyObject_Vectorcall [python3.11]
        2132  python3.11+0x4dfd10
        2411  PyObject_GetAttr [python3.11]
        2591  python3.11+0x5ad1a0
        2932  python3.11+0x4e1960
        3044  python3.11+0x4eb170
        3132  python3.11+0x517e00
        3271  PyType_GenericAlloc [python3.11]
        3329  python3.11+0x511070
        3484  python3.11+0x4e2440
        3493  _PyObject_GenericGetAttrWithDict [python3.11]
        4104  python3.11+0x4e1d10
        4140  python3.11+0x4e1b70
        4432  python3.11+0x5254d0
        4631  python3.11+0x4d5320
        5460  python3.11+0x4f3c70
        5505  python3.11+0x4d11c0
        6043  PyObject_GC_Del [python3.11]
        6839  python3.11+0x4d3cc0
        7527  python3.11+0x4d6650
        7704  PyDict_SetDefault [python3.11]
        8106  python3.11+0x558450
        8106  python3.11+0x55a4a0
        8495  PyObject_GetIter [python3.11]
       20830  python3.11+0x4e23a0
       30367  python3.11+0x57ab10
       31546  python3.11+0x518240
       36169  python3.11+0x585fb0
       51310  PyDict_SetItem [python3.11]
       56773  python3.11+0x4de3a0
       57172  python3.11+0x558a00
       62293  python3.11+0x4e2700
       96005  PyFloat_FromDouble [python3.11]
      260349  python3.11+0x4d4890
#      CALLS  FUNCTION
