// So that programs need one import.
@_exported public import VideoTypes
