/// The service.
package enum VideoServer {}
