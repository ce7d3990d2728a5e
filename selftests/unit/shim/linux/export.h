/* SPDX-License-Identifier: GPL-2.0 */
#define EXPORT_SYMBOL_GPL(name)	extern int shim_exported_##name
