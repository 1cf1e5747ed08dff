#include "err.h"

#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list ap;

	if (!err)
		return -code;
	err->code = code;
	va_start(ap, format);
	vsnprintf(err->text, sizeof err->text, format, ap);
	va_end(ap);
	return -code;
}

int err_prefix(struct err *err, const char *format, ...)
{
	char context[ERR_TEXT_BYTES / 2], old[ERR_TEXT_BYTES];
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, format);
	vsnprintf(context, sizeof context, format, ap);
	va_end(ap);
	memcpy(old, err->text, sizeof old);
	snprintf(err->text, sizeof err->text, "%s: %.*s", context,
		 (int)(sizeof old - strlen(context) - 3), old);
	return -err->code;
}
