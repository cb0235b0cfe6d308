# cmake -DBUILD=… -DCONFIG=… -DPREFIX=… -P stage.cmake: installs a build, and moves what was installed to PREFIX, so that
# whatever remembers where it was installed is found out.
file(REMOVE_RECURSE ${PREFIX} ${PREFIX}.before)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --config ${CONFIG} --prefix ${PREFIX}.before
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${PREFIX}.before ${PREFIX})
