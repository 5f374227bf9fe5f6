/* Greets like souk-transcoder, and answers the first thing it is told with bytes of no meaning. */
#include "media/transcoder/protocol.h"

#include <unistd.h>

int main(void)
{
	static const uint8_t hello[] = { PROTOCOL_HELLO, 0, 0, 0, 2, PROTOCOL_VERSION, 1 };
	static const uint8_t nonsense[] = { PROTOCOL_FRAME, 0xff, 0xff, 0xff, 0xff, 1, 2, 3 };
	char byte;
	if (write(PROTOCOL_FD, hello, sizeof(hello)) < 0 || read(PROTOCOL_FD, &byte, 1) != 1 ||
	    write(PROTOCOL_FD, nonsense, sizeof(nonsense)) < 0)
		return 1;
	while (read(PROTOCOL_FD, &byte, 1) == 1)
		;
	return 0;
}
