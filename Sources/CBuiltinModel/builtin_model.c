#include "cbuiltinmodel.h"
