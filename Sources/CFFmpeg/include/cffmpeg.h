#ifndef CFFMPEG_H
#define CFFMPEG_H
#endif
