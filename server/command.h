/* Commands beside the server; argv[0] is the command's name. Exit 0, 1 on failure, 2 on bad usage.
 */
#ifndef SOUK_SERVER_COMMAND_H
#define SOUK_SERVER_COMMAND_H

int command_token(int argc, char **argv);
int command_check(int argc, char **argv);

#endif
